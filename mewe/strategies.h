/* The list of strategies, in the order in which candidates are drawn from them. File name, CLI name and ledger value are
 * the same word. STRATEGY(name, how its variants are accepted, one line for people) */
STRATEGY(copy, V_BY_CONSTRUCTION, "the body unchanged: the control, which must show no diversity")
STRATEGY(rewrite, V_PROVED, "an integer expression replaced by an equal one of another shape")
STRATEGY(reorder, V_PROVED, "arms swapped under the inverted condition, operands commuted, statements reordered")
STRATEGY(constinfer, V_PROVED, "what must be constant becomes the constant; constants become equal terms over live values")
STRATEGY(synth, V_PROVED, "an integer expression replaced by an equal one that a search found")
STRATEGY(memory, V_PROVED, "loads and stores split, merged and exchanged, addresses and loop counters kept in another way")

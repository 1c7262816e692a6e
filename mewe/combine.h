/* combine.h - what discriminator.c, discriminator_text.c, combine.c and instrument.c share. */
#ifndef COMBINE_H
#define COMBINE_H

#include "all.h"

/* Where a dispatcher's choice lies in the choice vector of a request: in word `word`, `bits` bits from `shift` on. */
typedef struct Field {
	uint32_t word, shift, bits;
} Field;

typedef struct Layout {
	Field *field;                  /* one for each dispatcher */
	uint32_t nwords;
	uint32_t nseen;                /* words of the bit set of dispatchers, for the traces' counts */
} Layout;
Layout layout_of(const Shape *s, const Dispatchers *d);

/* What the export is to the host: a request, an init during which nothing is drawn, or neither. */
typedef enum Role { ROLE_OTHER, ROLE_ENTRY, ROLE_INIT } Role;
Role discriminator_role(const Options *o, const char *export);

/* The text of everything that is neither dispatcher nor body nor wrapper: a function of the shape, and of the dispatchers'
 * ordinals and numbers of bodies. d is NULL for a build that dispatches nothing. malloc'ed. */
char *discriminator_text(const Shape *s, const Dispatchers *d);
bool discriminator_renews(const Shape *s, const Dispatchers *d); /* a new request has to do something: call mewe.renew */

/* Our functions and globals are called mewe.NAME, and mewe1.NAME and so on in a module that has such names itself. */
#define TAG_SIZE 24
void discriminator_tag(const Mod *m, char tag[TAG_SIZE]);  /* of a module to which nothing was added yet */

#endif

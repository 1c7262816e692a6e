// A small program for Fastly's edge, of no use but to be made multivariant: a page, hashes of what is posted, and the request's
// headers.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/fastly/compute-sdk-go/fsthttp"
)

const bodyMax = 1 << 16

// answer writes v as JSON.
func answer(w fsthttp.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		fsthttp.Error(w, err.Error(), fsthttp.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

func fail(w fsthttp.ResponseWriter, status int, why string) {
	answer(w, status, map[string]any{"error": why})
}

func page(w fsthttp.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!doctype html><title>guest</title><p>POST /hash hashes its body, with ?key= also keyed; GET /headers shows yours.\n")
}

// hash answers SHA-256 of the body, HMAC-SHA-256 under the query's key, and how many words it has.
func hash(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyMax+1))
	if err != nil {
		fail(w, fsthttp.StatusBadRequest, "the body can't be read")
		return
	}
	if len(body) > bodyMax {
		fail(w, fsthttp.StatusRequestEntityTooLarge, "at most 65536 bytes")
		return
	}
	plain := sha256.Sum256(body)
	keyed := hmac.New(sha256.New, []byte(r.URL.Query().Get("key")))
	keyed.Write(body)
	answer(w, fsthttp.StatusOK, map[string]any{
		"length": len(body),
		"sha256": hex.EncodeToString(plain[:]),
		"hmac":   hex.EncodeToString(keyed.Sum(nil)),
		"words":  len(strings.Fields(string(body))),
	})
}

// headers answers the request's headers whose names begin with x-, in order, and sends one of its own for each.
func headers(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	var lines []string
	for _, name := range r.Header.Keys() {
		if strings.HasPrefix(strings.ToLower(name), "x-") {
			lines = append(lines, strings.ToLower(name)+": "+strings.Join(r.Header.Values(name), ", "))
		}
	}
	sort.Strings(lines)
	for i, line := range lines {
		w.Header().Add("X-Seen", fmt.Sprintf("%d-%d", i, len(line)))
	}
	answer(w, fsthttp.StatusOK, lines)
}

func main() {
	fsthttp.ServeFunc(func(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
		switch route := r.Method + " " + r.URL.Path; route {
		case "GET /":
			page(w)
		case "POST /hash":
			hash(w, r)
		case "GET /headers":
			headers(w, r)
		default:
			fail(w, fsthttp.StatusNotFound, "nothing is at "+route)
		}
	})
}

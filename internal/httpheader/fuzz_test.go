package httpheader

import (
	"net/http"
	"testing"
	"time"
)

// FuzzHeaders: whatever a service sends, it cannot silence the operator for longer than allowed, and nothing is both a page and JSON.
func FuzzHeaders(f *testing.F) {
	for _, seed := range [][3]string{
		{"120", "", "application/json"}, {"Fri, 20 Nov 2026 12:00:00 GMT", "Fri, 20 Nov 2026 11:00:00 GMT", "text/html; charset"}, {"1e400", "x", "application/problem+json"},
		{"-1", "", ""}, {"NaN", "", "/json"}, {"Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "application/xhtml+xml;;"},
	} {
		f.Add(seed[0], seed[1], seed[2], int64(0))
	}
	f.Fuzz(func(t *testing.T, after, date, contentType string, now int64) {
		header := http.Header{"Retry-After": {after}, "Date": {date}}
		at := time.Unix(now%(1<<37), 0)
		if wait := RetryAfter(header, at, time.Hour); wait < 0 || wait > time.Hour {
			t.Fatalf("%q makes the operator wait for %s", after, wait)
		}
		if IsHTML(contentType) && IsJSON(contentType) {
			t.Fatalf("%q is both a page and JSON", contentType)
		}
	})
}

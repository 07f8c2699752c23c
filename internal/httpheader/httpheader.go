// Package httpheader reads what every HTTP service says beside its answer: how long to leave it alone, and what kind of document
// it sent.
package httpheader

import (
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter reads the header of that name in both its forms (RFC 9110, section 10.2.3): seconds, or a date. A date is taken
// relative to the answer's own Date, so that this machine's clock does not matter; now serves when there is none,
// unless it is zero. What is longer
// than atMost counts as that: a wrong header must not silence the operator for ever. 0 means that nothing, or nonsense, was said.
func RetryAfter(header http.Header, now time.Time, atMost time.Duration) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(value, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		if !(seconds > 0) { // also of a NaN
			return 0
		}
		return time.Duration(min(seconds, atMost.Seconds()) * float64(time.Second))
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	} else if now.IsZero() {
		return 0
	}
	return max(0, min(until.Sub(now), atMost))
}

// IsHTML is true of a page for people.
func IsHTML(contentType string) bool {
	kind := mediaType(contentType)
	return kind == "text/html" || kind == "application/xhtml+xml"
}

// IsJSON is true of the media types that are JSON by their name.
func IsJSON(contentType string) bool {
	_, kind, _ := strings.Cut(mediaType(contentType), "/")
	return kind == "json" || kind == "x-json" || strings.HasSuffix(kind, "+json")
}

// mediaType is the type without its parameters, which may be wrong.
func mediaType(contentType string) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return ""
	}
	return kind
}

// Package httpheader reads headers that every HTTP service may send: how long to wait before the next request, and the type of the document.
package httpheader

import (
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter reads the header of that name in both its forms (RFC 9110, section 10.2.3): seconds, or a date. A date is relative to the answer's
// own Date, so that this machine's clock does not matter; without a Date it is relative to now, unless that is zero. The result is at most
// atMost, so that a wrong header cannot silence the operator; it is 0 if the header is missing or invalid.
func RetryAfter(header http.Header, now time.Time, atMost time.Duration) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(value, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		if !(seconds > 0) { // also true for NaN
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

// IsHTML is true for the media types of web pages.
func IsHTML(contentType string) bool {
	kind := mediaType(contentType)
	return kind == "text/html" || kind == "application/xhtml+xml"
}

// IsJSON is true for the media types that name JSON.
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

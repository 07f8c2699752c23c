package ocm

import (
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter bounds what a service may ask for: a wrong header must not silence the operator for longer than a day.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header in both of its forms (RFC 9110, section 10.2.3): seconds, or a date. A date is taken
// relative to the answer's own Date, so that this machine's clock does not matter; now serves when there is none.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if value == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		wait = maxRetryAfter
		if seconds < int64(maxRetryAfter/time.Second) {
			wait = time.Duration(seconds) * time.Second
		}
	} else if until, err := http.ParseTime(value); err == nil {
		if date, err := http.ParseTime(header.Get("Date")); err == nil {
			now = date
		}
		wait = until.Sub(now)
	}
	return max(0, min(wait, maxRetryAfter))
}

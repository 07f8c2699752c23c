package httpheader_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/httpheader"
)

func TestRetryAfter_InBothForms(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	date := func(after time.Duration) string { return now.Add(after).Format(http.TimeFormat) }
	tests := []struct {
		name string
		// header and date are what the service sent.
		header, date string
		want         time.Duration
	}{
		{"absent", "", "", 0},
		{"seconds", "120", "", 2 * time.Minute},
		{"a date", date(5 * time.Minute), "", 5 * time.Minute},
		{"a date by a clock that is an hour ahead", date(65 * time.Minute), date(time.Hour), 5 * time.Minute},
		{"the past", date(-time.Minute), "", 0},
		{"a fraction", "1.5", "", 1500 * time.Millisecond},
		{"blanks around", " 5 ", "", 5 * time.Second},
		{"no number", "NaN", "", 0},
		{"a negative number", "-5", "", 0},
		{"nonsense", "soon", "", 0},
		{"a year is cut to a day", "31536000", "", 24 * time.Hour},
		{"a number too large to be a duration", "9223372036854775807", "", 24 * time.Hour},
		{"a number too large to be a number", strings.Repeat("9", 400), "", 24 * time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header := http.Header{}
			header.Set("Retry-After", test.header)
			header.Set("Date", test.date)
			if got := httpheader.RetryAfter(header, now, 24*time.Hour); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestRetryAfter_IgnoresADateThatNothingCanBeComparedWith(t *testing.T) {
	header := http.Header{"Retry-After": {"Fri, 20 Nov 2026 12:00:00 GMT"}}
	if got := httpheader.RetryAfter(header, time.Time{}, time.Hour); got != 0 {
		t.Errorf("got %s, want none", got)
	}
}

func TestMediaTypes_AreKnownWhateverTheirParameters(t *testing.T) {
	for contentType, want := range map[string]struct{ html, json bool }{
		"text/html; charset=utf-8":           {html: true},
		"application/xhtml+xml":              {html: true},
		"application/json":                   {json: true},
		"application/problem+json; charset=": {json: true},
		"text/x-json":                        {json: true},
		"text/plain":                         {},
		"":                                   {},
		";;;":                                {},
	} {
		if html, json := httpheader.IsHTML(contentType), httpheader.IsJSON(contentType); html != want.html || json != want.json {
			t.Errorf("%q: html %t, json %t, want %+v", contentType, html, json, want)
		}
	}
}

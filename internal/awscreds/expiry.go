package awscreds

// When a credential expires, and how that is known. No published CAP answer shows the field Expiration, so every form that services print is
// read. An ambiguous time is not treated as certain: a cluster that overestimates a lifetime has no valid credential for the rest of it.

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Provenance says how the expiry of a credential is known.
type Provenance int

const (
	// Assumed: the service gives no expiry, so the currently assumed lifetime applies.
	Assumed Provenance = iota
	// Told: the service gives the expiry with its time zone.
	Told
	// Zoneless: the service gives a time without a time zone. It may be hours off either way.
	Zoneless
	// Unreadable: the service gives something that is not a time, or a time that no credential can have.
	Unreadable
)

var provenances = []string{Assumed: "Assumed", Told: "Told", Zoneless: "Zoneless", Unreadable: "Unreadable"}

// String is the word that bookkeeping, conditions and messages use.
func (p Provenance) String() string {
	if p < 0 || int(p) >= len(provenances) {
		return provenances[Unreadable]
	}
	return provenances[p]
}

// ParseProvenance is the inverse of String; ok is false for an unknown word.
func ParseProvenance(word string) (_ Provenance, ok bool) {
	for p, known := range provenances {
		if word == known {
			return Provenance(p), true
		}
	}
	return Unreadable, false
}

// Doubtful is true if the service gave an expiry that cannot be relied on, which is worth reporting.
func (p Provenance) Doubtful() bool { return p == Zoneless || p == Unreadable }

// Expiry is what a service says about the end of a credential's life. Its zero value means that the service gave none.
type Expiry struct {
	Provenance Provenance
	// At is zero unless the expiry is Told or Zoneless; a Zoneless time is read as UTC.
	At time.Time
}

// ToldExpiry is an expiry that is known for certain.
func ToldExpiry(at time.Time) Expiry { return Expiry{Provenance: Told, At: at} }

// longest is how far away a plausible expiry may be: the longest lifetime that AWS allows, plus some clock skew.
const longest = schedule.MaxCredentialLifetime + time.Hour

// Plausible returns the expiry, or an Unreadable one if no credential could live that long after now.
func (e Expiry) Plausible(now time.Time) Expiry {
	if e.At.After(now.Add(longest)) {
		return Expiry{Provenance: Unreadable}
	}
	return e
}

// End is the time until which a fetched credential can be relied on. A time without a zone counts only if it is earlier than the assumed lifetime
// allows. After an unreadable expiry, half of the assumed lifetime applies: there is an expiry, but it is unknown.
func (e Expiry) End(fetched time.Time, assumed time.Duration) time.Time {
	e = e.Plausible(fetched)
	byAssumption := fetched.Add(assumed)
	switch {
	case e.Provenance == Told:
		return earlier(e.At, fetched.Add(schedule.MaxCredentialLifetime))
	case e.Provenance == Assumed:
		return byAssumption
	case e.Provenance == Zoneless && e.At.After(fetched):
		return earlier(e.At, byAssumption)
	default:
		return fetched.Add(assumed / 2)
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// ReadExpiry reads the text of an expiry. An empty text or the word null means none.
func ReadExpiry(text string) Expiry {
	text = strings.ToUpper(strings.Join(strings.Fields(text), " "))
	if text == "" || text == "NULL" {
		return Expiry{}
	}
	written, zone := cutZone(text)
	for _, layout := range layouts {
		t, err := time.ParseInLocation(layout, written, zone.location())
		switch {
		case err != nil:
			continue
		case zone.known:
			return ToldExpiry(t.UTC())
		default:
			return Expiry{Provenance: Zoneless, At: t.UTC()}
		}
	}
	if t, ok := sinceEpoch(text); ok {
		return ToldExpiry(t)
	}
	return Expiry{Provenance: Unreadable}
}

// layouts are the known forms of a time, without their zones. time.Parse also accepts fractions of a second and names in any case. Numeric dates
// in which month and day could be swapped are left out.
var layouts = []string{
	"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006/01/02 15:04:05",
	"20060102T150405", "20060102T1504", "20060102150405",
	"Mon, _2 Jan 2006 15:04:05", "_2 Jan 2006 15:04:05", "Monday, 02-Jan-06 15:04:05", // HTTP and mail
	"Mon Jan _2 15:04:05 2006",                            // C, and Java's Date
	"Jan _2, 2006 3:04:05 PM", "Jan _2, 2006, 3:04:05 PM", // Gson
}

type zone struct {
	known  bool
	offset time.Duration
}

func (z zone) location() *time.Location { return time.FixedZone("", int(z.offset/time.Second)) }

var (
	// bracket is the zone's name that Java's ZonedDateTime puts after the offset: 2026-11-20T12:15:00Z[UTC].
	bracket = regexp.MustCompile(`\[([A-Z0-9_+/-]+)\]$`)
	// inner is a zone before the year, as C and Ruby print it.
	inner = regexp.MustCompile(`^([A-Z]{3} [A-Z]{3} \d{1,2} [0-9:.]+) ([A-Z]+|[+-]\d{4}) (\d{4})$`)
	// offset and name match a zone at the end, after a digit of the time; Go prints both.
	offset = regexp.MustCompile(`(\d) ?(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)?(?: [A-Z]{3,5})?$`)
	name   = regexp.MustCompile(`(\d) ?([A-Z]+)$`)
	utc    = map[string]bool{"Z": true, "UTC": true, "GMT": true, "UT": true, "ZULU": true, "ETC/UTC": true}
)

// cutZone cuts the zone off the text of a time. UTC is the only named zone that counts: EST, for example, has three meanings.
func cutZone(text string) (string, zone) {
	inBrackets := ""
	if m := bracket.FindStringSubmatch(text); m != nil {
		text, inBrackets = strings.TrimSuffix(text, m[0]), m[1]
	}
	text = inner.ReplaceAllString(text, "$1 $3 $2")
	if m := offset.FindStringSubmatch(text); m != nil {
		hours, _ := strconv.Atoi(m[3])
		minutes, _ := strconv.Atoi(m[4])
		by := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
		if m[2] == "-" {
			by = -by
		}
		if by.Abs() > 14*time.Hour { // no zone is further away
			return strings.TrimSuffix(text, m[0]) + m[1], zone{}
		}
		return strings.TrimSuffix(text, m[0]) + m[1], zone{known: true, offset: by}
	}
	if m := name.FindStringSubmatch(text); m != nil && m[2] != "AM" && m[2] != "PM" {
		return strings.TrimSuffix(text, m[0]) + m[1], zone{known: utc[m[2]]}
	}
	return text, zone{known: utc[inBrackets]}
}

// sinceEpoch reads seconds, milliseconds, microseconds or nanoseconds since 1970; the magnitude shows which it is.
func sinceEpoch(text string) (time.Time, bool) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 1e9 && n <= 1e20) { // written this way it is also true for NaN
		return time.Time{}, false
	}
	for n > 1e11 {
		n /= 1000
	}
	return time.Unix(int64(n), 0).UTC(), true
}

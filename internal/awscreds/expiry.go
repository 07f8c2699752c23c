package awscreds

// When a credential dies, and how that is known. No public body of a CAP answer shows the field Expiration, so every form that services
// print is read; what a form leaves open is kept apart from what it tells, because a cluster that believes in a lifetime too long is
// dead for the rest of it.

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Provenance is how the end of a credential's life is known.
type Provenance int

const (
	// Assumed: nothing is told, so the assumed lifetime counts, whatever it is at present.
	Assumed Provenance = iota
	// Told: the service tells it, with the zone.
	Told
	// Zoneless: the service tells a time without saying of which zone. It may be hours off either way.
	Zoneless
	// Unreadable: the service tells something that is no time, or none that a credential can have.
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

// ParseProvenance reads what String gives. A word that it does not know is not ok.
func ParseProvenance(word string) (_ Provenance, ok bool) {
	for p, known := range provenances {
		if word == known {
			return Provenance(p), true
		}
	}
	return Unreadable, false
}

// Doubtful says that the service meant to tell an expiry and did not manage: somebody should hear of that.
func (p Provenance) Doubtful() bool { return p == Zoneless || p == Unreadable }

// Expiry is what a service says about the end of a credential's life. Its zero value is an expiry that nobody tells.
type Expiry struct {
	Provenance Provenance
	// At is zero unless it is Told or Zoneless; of a Zoneless one it is the time as if it were of UTC.
	At time.Time
}

// ToldExpiry is an expiry that is known for certain.
func ToldExpiry(at time.Time) Expiry { return Expiry{Provenance: Told, At: at} }

// longest is what an expiry may be away that is true: as long as AWS lets any credential live, and a clock that is not quite right.
const longest = schedule.MaxCredentialLifetime + time.Hour

// Plausible is the expiry, or an unreadable one where no credential could live as long after now.
func (e Expiry) Plausible(now time.Time) Expiry {
	if e.At.After(now.Add(longest)) {
		return Expiry{Provenance: Unreadable}
	}
	return e
}

// End is until when a credential that was fetched at a time may be relied on. A time without a zone is believed only where it is
// shorter than the assumed lifetime. Where the service told something that says nothing, half of that lifetime counts: there
// is an expiry, and it is not known.
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

// ReadExpiry reads the text of an expiry. Empty, or the word null, is none.
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

// layouts without their zones. time.Parse takes fractions of a second after the seconds of each, and names in any case. Dates of
// digits alone whose month and day could be either are not among them.
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
	// bracket is the name that Java's ZonedDateTime puts after the offset: 2026-11-20T12:15:00Z[UTC].
	bracket = regexp.MustCompile(`\[([A-Z0-9_+/-]+)\]$`)
	// inner is the zone before the year, in the forms of C and of Ruby.
	inner = regexp.MustCompile(`^([A-Z]{3} [A-Z]{3} \d{1,2} [0-9:.]+) ([A-Z]+|[+-]\d{4}) (\d{4})$`)
	// offset and name are a zone at the end, after a digit of the time; Go prints both.
	offset = regexp.MustCompile(`(\d) ?(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)?(?: [A-Z]{3,5})?$`)
	name   = regexp.MustCompile(`(\d) ?([A-Z]+)$`)
	utc    = map[string]bool{"Z": true, "UTC": true, "GMT": true, "UT": true, "ZULU": true, "ETC/UTC": true}
)

// cutZone takes the zone off the text of a time. Of the zones with names only UTC counts as known: EST is three different ones.
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

// sinceEpoch reads seconds since 1970, and their thousandth, millionth and billionth parts, each of which is unmistakable in our time.
func sinceEpoch(text string) (time.Time, bool) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 1e9 && n <= 1e20) { // in this form it is true of "NaN" too
		return time.Time{}, false
	}
	for n > 1e11 {
		n /= 1000
	}
	return time.Unix(int64(n), 0).UTC(), true
}

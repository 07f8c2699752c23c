package awscreds

import (
	"strconv"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// Each text is a quarter past noon UTC, unless it says otherwise.
func TestReadExpiry_ReadsTheFormsThatServicesPrint(t *testing.T) {
	told, unknown := ToldExpiry(noon.Add(15*time.Minute)), Expiry{Provenance: Unreadable}
	zoneless := Expiry{Provenance: Zoneless, At: told.At}
	for text, want := range map[string]Expiry{
		"":                                         {},
		" \n":                                      {},
		"null":                                     {},
		"2026-11-20T12:15:00Z":                     told,
		"2026-11-20t12:15:00z":                     told,
		" 2026-11-20T12:15:00Z\n":                  told,
		"2026-11-20T12:15:00+00:00":                told,
		"2026-11-20T14:15:00+02:00":                told,
		"2026-11-20T08:45:00-03:30":                told,
		"2026-11-20T12:15:00-00:00":                told,
		"2026-11-21T02:15:00+14:00":                told,
		"2026-11-20T12:15:00+14:01":                zoneless,
		"2026-11-20T12:15:00.000Z":                 told,
		"2026-11-20T12:15:00,000000000Z":           told,
		"2026-11-20T12:15:00.000+0000":             told,
		"2026-11-20T21:15:00+09":                   told,
		"2026-11-20T12:15Z":                        told,
		"2026-11-20T12:15+00:00":                   told,
		"2026-11-20T12:15:00Z[UTC]":                told,
		"2026-11-20T12:15:00.123Z[UTC]":            ToldExpiry(told.At.Add(123 * time.Millisecond)),
		"2026-11-20T12:15Z[Etc/UTC]":               told,
		"2026-11-20T12:15:00[UTC]":                 told,
		"2026-11-20T13:15:00+01:00[Europe/Berlin]": told,
		"2026-11-20T12:15:00[Europe/Berlin]":       zoneless,
		"2026-11-20 12:15:00Z":                     told,
		"2026-11-20 12:15:00 Z":                    told,
		"2026-11-20 12:15:00 UTC":                  told,
		"2026-11-20 12:15:00 utc":                  told,
		"2026-11-20 12:15 UTC":                     told,
		"2026-11-20 12:15:00 GMT":                  told,
		"2026-11-20 12:15:00 +0000":                told,
		"2026-11-20 12:15:00 +00:00":               told,
		"2026-11-20 12:15:00+00:00":                told,
		"2026-11-20 12:15:00.000000+00:00":         told,
		"2026-11-20 12:15:00 +0000 UTC":            told, // Go's own
		"2026-11-20 13:15:00 +0100 CET":            told,
		"2026-11-20 15:15:00 GMT+3":                told,
		"2026-11-20 15:15:00 UTC+03:00":            told,
		"20261120T121500Z":                         told,
		"20261120T1215Z":                           told,
		"20261120T131500+0100":                     told,
		"Fri, 20 Nov 2026 12:15:00 GMT":            told,
		"Fri, 20 Nov 2026 12:15:00 +0000":          told,
		"20 Nov 2026 12:15:00 UTC":                 told,
		"Friday, 20-Nov-26 12:15:00 GMT":           told,
		"Fri Nov 20 12:15:00 UTC 2026":             told,
		"Fri Nov 20 12:15:00 +0000 2026":           told,
		"Fri Nov  6 12:15:00 UTC 2026":             ToldExpiry(told.At.AddDate(0, 0, -14)),
		"1795176900":                               told,
		"1795176900.0":                             told,
		"1.7951769e9":                              told,
		"1795176900000":                            told,
		"1795176900000000":                         told,
		"2026-11-20T12:15:00":                      zoneless,
		"2026-11-20T12:15:00.000":                  zoneless,
		"2026-11-20T12:15":                         zoneless,
		"2026-11-20 12:15:00":                      zoneless,
		"2026/11/20 12:15:00":                      zoneless,
		"20261120T121500":                          zoneless,
		"20261120121500":                           zoneless,
		"Fri Nov 20 12:15:00 2026":                 zoneless,
		"Fri Nov 20 12:15:00 EST 2026":             zoneless,
		"2026-11-20 12:15:00 CST":                  zoneless,
		"Nov 20, 2026 12:15:00 PM":                 zoneless,
		"Nov 20, 2026, 12:15:00\u202fPM":           zoneless,
		"2026-11-20T12:15:00+99:00":                zoneless,
		"2026-11-20":                               unknown,
		"11/20/2026 12:15:00":                      unknown,
		"2026-13-20T12:15:00Z":                     unknown,
		"tomorrow":                                 unknown,
		"NaN":                                      unknown,
		"Infinity":                                 unknown,
		"0":                                        unknown,
		"-1":                                       unknown,
		"3600":                                     unknown,
		"true":                                     unknown,
		"[2026,11,20,12,15]":                       unknown,
	} {
		if got := ReadExpiry(text); got != want {
			t.Errorf("ReadExpiry(%q) = %v %v, want %v %v", text, got.Provenance, got.At, want.Provenance, want.At)
		}
	}
}

func TestEnd_NeverTrustsAnExpiryFurtherThanItIsKnown(t *testing.T) {
	const assumed = time.Hour
	for _, test := range []struct {
		name string
		in   Expiry
		want time.Duration
	}{
		{"told", ToldExpiry(noon.Add(15 * time.Minute)), 15 * time.Minute},
		{"told, for longer than is assumed", ToldExpiry(noon.Add(12 * time.Hour)), 12 * time.Hour},
		{"told, just beyond AWS's limit", ToldExpiry(noon.Add(36*time.Hour + time.Minute)), 36 * time.Hour},
		{"told, as no credential lives", ToldExpiry(noon.AddDate(7000, 0, 0)), assumed / 2},
		{"not told", Expiry{}, assumed},
		{"not understood", Expiry{Provenance: Unreadable}, assumed / 2},
		{"without a zone, short", Expiry{Provenance: Zoneless, At: noon.Add(15 * time.Minute)}, 15 * time.Minute},
		{"without a zone, of a clock east of Greenwich", Expiry{Provenance: Zoneless, At: noon.Add(10 * time.Hour)}, assumed},
		{"without a zone, of a clock west of Greenwich", Expiry{Provenance: Zoneless, At: noon.Add(-3 * time.Hour)}, assumed / 2},
		{"without a zone, as no credential lives", Expiry{Provenance: Zoneless, At: noon.AddDate(7000, 0, 0)}, assumed / 2},
	} {
		if got := test.in.End(noon, assumed).Sub(noon); got != test.want {
			t.Errorf("%s: it is relied on for %s, want %s", test.name, got, test.want)
		}
	}
}

func TestProvenance_ThatNobodyKnowsIsUnreadable(t *testing.T) {
	for _, p := range []Provenance{-1, Unreadable + 1, 99} {
		if p.String() != "Unreadable" {
			t.Errorf("%d is called %s", int(p), p)
		}
	}
}

func TestProvenance_IsReadBackFromItsWord(t *testing.T) {
	for p := Assumed; p <= Unreadable; p++ {
		if got, ok := ParseProvenance(p.String()); got != p || !ok {
			t.Errorf("%s is read back as %s", p, got)
		}
		if p.Doubtful() != (p == Zoneless || p == Unreadable) {
			t.Errorf("%s is doubtful: %v", p, p.Doubtful())
		}
	}
	for _, word := range []string{"", "told", "Provenance", Provenance(99).String() + "x"} {
		if _, ok := ParseProvenance(word); ok {
			t.Errorf("%q is taken for a word of ours", word)
		}
	}
}

// FuzzReadExpiry: whatever the text is, no credential is relied on for longer than AWS allows, nor for longer than assumed if the time is
// uncertain, and only a time with a zone makes a just fetched one count as expired.
func FuzzReadExpiry(f *testing.F) {
	for _, text := range []string{"2026-11-20T12:15:00Z[UTC]", "Fri Nov 20 12:15:00 UTC 2026", "20261120T121500+0100", "1795176900000", "Nov 20, 2026 12:15:00 PM", "9e99"} {
		f.Add(text, int64(time.Hour))
	}
	f.Add(strconv.FormatInt(1<<62, 10), int64(time.Minute))
	f.Fuzz(func(t *testing.T, text string, lifetime int64) {
		assumed := max(time.Minute, min(time.Duration(lifetime), 36*time.Hour))
		e := ReadExpiry(text)
		end := e.End(noon, assumed)
		switch {
		case end.After(noon.Add(36 * time.Hour)):
			t.Errorf("%q is relied on until %s", text, end)
		case e.Provenance != Told && (end.After(noon.Add(assumed)) || !end.After(noon)):
			t.Errorf("%q, %s, is relied on until %s", text, e.Provenance, end)
		}
		if e.At.IsZero() != (e.Provenance == Assumed || e.Provenance == Unreadable) {
			t.Errorf("%q is %s, at %s", text, e.Provenance, e.At)
		}
	})
}

func TestSinceEpoch_ReadsTheUnitFromTheMagnitude(t *testing.T) {
	for text, want := range map[string]int64{"1e9": 1e9, "1e11": 1e11, "1790000000123": 1790000000, "1e20": 1e11} {
		if got, ok := sinceEpoch(text); !ok || got.Unix() != want {
			t.Errorf("%s is read as %d, %v", text, got.Unix(), ok)
		}
	}
	for _, text := range []string{"999999999", "1.1e20", "NaN", "-1e10"} {
		if got, ok := sinceEpoch(text); ok {
			t.Errorf("%s is read as %s", text, got)
		}
	}
}

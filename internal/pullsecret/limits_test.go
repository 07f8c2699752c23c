package pullsecret

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// crowd is a document of many entries; the first one is where the caller can find it.
func crowd(entries int) string {
	var b strings.Builder
	b.WriteString(`{"auths":{"quay.io":{"auth":"` + auth("u", "p") + `"}`)
	for i := 1; i < entries; i++ {
		fmt.Fprintf(&b, `,"%x":{}`, i)
	}
	b.WriteString("}}")
	return b.String()
}

func TestParse_TakesAsManyEntriesAsAnybodyHasAndNoMore(t *testing.T) {
	if _, err := Parse([]byte(crowd(MaxEntries))); err != nil {
		t.Fatal(err)
	}
	fields := make([]string, 0, MaxEntries+1)
	for i := range MaxEntries + 1 {
		fields = append(fields, fmt.Sprintf(`"%x":0`, i))
	}
	many := strings.Join(fields, ",")
	for where, raw := range map[string]string{
		"auths":    crowd(MaxEntries + 1),
		"an entry": `{"auths":{"quay.io":{` + many + `}}}`,
		"the top":  `{"auths":{"quay.io":{}},` + many + `}`,
	} {
		var e *Error
		if _, err := Parse([]byte(raw)); !errors.As(err, &e) || e.Problem != TooManyEntries {
			t.Errorf("%s: got %v", where, err)
		}
	}
}

// The cost of a document is measured by its allocations: each visited member needs some. A document that is refused for its size costs as much as
// the largest accepted one, however large it is.
func TestParse_OfAHundredThousandEntriesEndsAfterTheFirstThousand(t *testing.T) {
	count := func(raw string) float64 {
		document := []byte(raw)
		return testing.AllocsPerRun(1, func() { _, _ = Parse(document) })
	}
	allowed, refused := count(crowd(MaxEntries)), count(crowd(95_000))
	if refused > allowed {
		t.Errorf("a document of 95,000 entries allocates %.0f times, the largest that is read %.0f times", refused, allowed)
	}
	var e *Error
	if _, err := Parse([]byte(crowd(95_000))); !errors.As(err, &e) || e.Offset > 20*MaxEntries {
		t.Errorf("it was read up to byte %d", e.Offset)
	}
}

func TestOnly_KeepsTheChosenEntriesByteForByte(t *testing.T) {
	raw := `{"HttpHeaders":{"X":"secret"}, "auths" : {"quay.io" : {"auth" : "` + auth("u", "p") + `", "n":1e3}, "mirror:5000":{"auth":"` + auth("m", "secret") + `"},"r":{}}}`
	d := mustParse(t, raw)
	kept := d.Only(func(e Entry) bool { return e.Registry != "mirror:5000" })
	if want := `{"auths":{"quay.io" : {"auth" : "` + auth("u", "p") + `", "n":1e3},"r":{}}}`; string(kept) != want {
		t.Errorf("got  %s\nwant %s", kept, want)
	}
	if d.Only(func(Entry) bool { return false }) != nil {
		t.Error("a document of nothing is one")
	}
}

func BenchmarkParse(b *testing.B) {
	for name, raw := range map[string]string{
		"six entries": crowd(6), "1000 entries": crowd(MaxEntries), "100000 entries": crowd(95_000),
		"1 MiB": `{"auths":{"quay.io":{"note":"` + strings.Repeat("x", MaxSize-100) + `"}}}`,
	} {
		b.Run(name, func(b *testing.B) {
			document := []byte(raw)
			b.ReportAllocs()
			b.SetBytes(int64(len(document)))
			for b.Loop() {
				_, _ = Parse(document)
			}
		})
	}
}

// The largest document that is read, with every entry to be replaced: what a rotation does with it, once.
func BenchmarkRotate(b *testing.B) {
	document := func(password string) []byte {
		var out strings.Builder
		out.WriteString(`{"auths":{`)
		for i := range MaxEntries {
			if i > 0 {
				out.WriteString(",")
			}
			fmt.Fprintf(&out, `"r%03d.example.com":{"auth":"%s"}`, i, auth("u", strings.Repeat(password, 730)))
		}
		out.WriteString("}}")
		return []byte(out.String())
	}
	current, fresh := document("a"), document("b")
	b.SetBytes(int64(len(current)))
	for b.Loop() {
		before, err := Parse(current)
		if err != nil {
			b.Fatal(err)
		}
		issued, err := Parse(fresh)
		if err != nil {
			b.Fatal(err)
		}
		merged, changes, err := Merge(before, issued, Policy{ReplaceForeign: true})
		if err != nil || len(changes) != MaxEntries || len(merged) != len(current) {
			b.Fatal(len(changes), err)
		}
		if n := len(NewFingerprinter("salt").All(issued)); n != MaxEntries {
			b.Fatal(n)
		}
	}
}

package pullsecret

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// canary stands in every password of these tests, so that it can be searched for.
const canary = "c4n4ry"

func auth(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

func mustParse(t testing.TB, raw string) *Document {
	t.Helper()
	d, err := Parse([]byte(raw))
	if err != nil {
		t.Fatalf("Parse(%s): %v", raw, err)
	}
	return d
}

func TestParse_GivesTheEntriesInTheOrderOfTheDocument(t *testing.T) {
	d := mustParse(t, ` {"auths" : {"z.example":{"auth":"`+auth("u", "p:with:colons")+`","email":"a@b"},`+
		`"a.example":{"username":"me","password":"`+canary+`"},"m.example":{}},"credHelpers":{"x":"ecr-login"}}`+"\n")
	if diff := cmp.Diff([]string{"z.example", "a.example", "m.example"}, d.Registries()); diff != "" {
		t.Error(diff)
	}
	want := map[string]Entry{
		"z.example": {Registry: "z.example", Username: "u", Password: "p:with:colons", Email: "a@b"},
		"a.example": {Registry: "a.example", Username: "me", Password: canary},
		"m.example": {Registry: "m.example"},
	}
	for registry, w := range want {
		if got, ok := d.Entry(registry); !ok || got != w {
			t.Errorf("Entry(%s) is not what the document says", registry)
		}
	}
	if _, ok := d.Entry("absent.example"); ok {
		t.Error("an entry that is absent was found")
	}
}

func TestParse_ReadsAnEntryAsTheKubeletDoes(t *testing.T) {
	unpadded := strings.TrimRight(auth("user", "pass"), "=")
	for name, c := range map[string]struct {
		entry          string // the entry's JSON
		user, password string // what is read from it
	}{
		"auth":                                    {`{"auth":"` + auth("user", "pass") + `"}`, "user", "pass"},
		"auth without padding":                    {`{"auth":"` + unpadded + `"}`, "user", "pass"},
		"auth with white space around it":         {`{"auth":" ` + auth("user", "pass") + `\n"}`, "user", "pass"},
		"auth with escapes":                       {`{"\u0061uth":"\u0064` + auth("user", "pass")[1:] + `"}`, "user", "pass"},
		"auth in another case":                    {`{"Auth":"` + auth("user", "pass") + `"}`, "user", "pass"},
		"auth wins over user name and password":   {`{"username":"x","auth":"` + auth("user", "pass") + `","password":"y"}`, "user", "pass"},
		"an empty auth loses to them":             {`{"username":"x","auth":"","password":"y"}`, "x", "y"},
		"no base64":                               {`{"auth":"%%%"}`, "", ""},
		"no colon":                                {`{"auth":"` + base64.StdEncoding.EncodeToString([]byte("nocolon")) + `"}`, "", ""},
		"a number where a text should be":         {`{"auth":17}`, "", ""},
		"an identity token only":                  {`{"identitytoken":"t"}`, "", ""},
		"unknown fields, nested, with a key auth": {`{"x":{"auth":"` + auth("no", "no") + `"},"auth":"` + auth("user", "pass") + `"}`, "user", "pass"},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := mustParse(t, `{"auths":{"r":`+c.entry+`}}`).Entry("r")
			if e.Username != c.user || e.Password != c.password {
				t.Errorf("got %q %q, want %q %q", e.Username, e.Password, c.user, c.password)
			}
		})
	}
}

func TestParse_RefusesWithASentenceThatHoldsNoContent(t *testing.T) {
	long := `{"auths":{"r":{"auth":"` + strings.Repeat(canary, MaxSize/len(canary)) + `"}}}`
	for name, c := range map[string]struct {
		raw      string  // the document
		problem  Problem // what is wrong with it
		sentence string  // a part of what the error says
	}{
		"empty":                    {"", NotJSON, "empty"},
		"white space":              {" \n", NotJSON, "empty"},
		"no JSON":                  {canary, NotJSON, "not valid JSON (at byte 1)"},
		"truncated":                {`{"auths":{"r":{"auth":"` + canary, NotJSON, "not valid JSON"},
		"trailing text":            {`{"auths":{"r":{}}} ` + canary, NotJSON, "at byte 20"},
		"byte order mark":          {"\xef\xbb\xbf{}", NotJSON, "not valid JSON"},
		"HTML":                     {"<html>" + canary + "</html>", NotJSON, "not valid JSON"},
		"an array":                 {`["` + canary + `"]`, NotAnObject, "the document is not a JSON object"},
		"null":                     {`null`, NotAnObject, "the document is not a JSON object"},
		"no auths":                 {`{"` + canary + `":{}}`, NoAuths, "no key auths"},
		"auths null":               {`{"auths":null}`, NotAnObject, "auths is not a JSON object"},
		"auths a list":             {`{"auths":["` + canary + `"]}`, NotAnObject, "auths is not"},
		"auths empty":              {`{"auths":{ }}`, NoAuths, "no entry"},
		"an entry is a text":       {`{"auths":{"r":{},"s":"` + canary + `"}}`, NotAnObject, "entry 2 of auths is not a JSON object (at byte"},
		"auths twice":              {`{"auths":{"r":{}},"auths":{"r":{}}}`, DuplicateKey, "same key twice"},
		"auths twice by case":      {`{"auths":{"r":{}},"Auths":{"r":{}}}`, DuplicateKey, "same key twice"},
		"a registry twice":         {`{"auths":{"` + canary + `":{},"` + canary + `":{}}}`, DuplicateKey, "auths has the same key twice"},
		"a registry twice, hidden": {`{"auths":{"r":{},"\u0072":{}}}`, DuplicateKey, "auths has the same key twice"},
		"auth twice":               {`{"auths":{"r":{"auth":"` + canary + `","auth":""}}}`, DuplicateKey, "entry 1 of auths has the same key twice"},
		"auth twice by case":       {`{"auths":{"r":{"auth":"` + canary + `","AUTH":""}}}`, DuplicateKey, "same key twice"},
		"too large":                {long, TooLarge, "1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(c.raw))
			var typed *Error
			if d != nil || !errors.As(err, &typed) {
				t.Fatalf("got %v, %v; want an *Error", d, err)
			}
			if typed.Problem != c.problem || !strings.Contains(err.Error(), c.sentence) {
				t.Errorf("got %s %q, want %s %q", typed.Problem, err, c.problem, c.sentence)
			}
			if strings.Contains(fmt.Sprintf("%+v %#v", err, err), canary) {
				t.Errorf("the error holds content: %v", err)
			}
		})
	}
}

func TestParse_TakesRegistriesThatDifferInCaseForDifferentOnes(t *testing.T) {
	if got := mustParse(t, `{"auths":{"R":{},"r":{}}}`).Registries(); len(got) != 2 {
		t.Error(got)
	}
}

func TestParse_DoesNotShareBytesWithItsCaller(t *testing.T) {
	raw := []byte(`{"auths":{"r":{}}}`)
	d, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	raw[2] = 'X'
	if string(d.Raw()) != `{"auths":{"r":{}}}` {
		t.Error("the document changed with the caller's bytes")
	}
}

func TestParse_TakesADocumentOfTheLargestSizeWithAnyWhiteSpaceAround(t *testing.T) {
	for _, blank := range []string{" ", "\t", "\n", "\r"} {
		if d := mustParse(t, blank+`{"auths":{"r":{}}}`+blank); len(d.Registries()) != 1 {
			t.Errorf("with %q around it: %q", blank, d.Registries())
		}
	}
	largest := `{"auths":{"r":{}}}`
	largest += strings.Repeat(" ", MaxSize-len(largest))
	mustParse(t, largest)
	var e *Error
	if _, err := Parse([]byte(largest + " ")); !errors.As(err, &e) || e.Problem != TooLarge {
		t.Errorf("one byte more: %v", err)
	}
}

func TestError_SaysWhereAlsoAtTheBeginning(t *testing.T) {
	if _, err := Parse([]byte(`["x"]`)); err == nil || !strings.HasSuffix(err.Error(), "(at byte 0)") {
		t.Errorf("got %v", err)
	}
}

func TestPrinting_SaysWhatItIs(t *testing.T) {
	var none *Document
	d := mustParse(t, `{"auths":{"r":{}}}`)
	e, _ := d.Entry("r")
	if got := fmt.Sprint(none, "; ", d, "; ", e); got != "pull secret <nil>; pull secret with 1 entries [redacted]; credential for r [redacted]" {
		t.Errorf("it is printed as %s", got)
	}
}

func TestPrinting_NeverShowsACredential(t *testing.T) {
	d := mustParse(t, `{"auths":{"r":{"auth":"`+auth("user-"+canary, canary)+`","email":"`+canary+`@x"}}}`)
	e, _ := d.Entry("r")
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("x", "document", d, "entry", e, "entries", []Entry{e})
	inJSON, err := json.Marshal(map[string]any{"document": d, "entry": e, "pointer": &e})
	if err != nil {
		t.Fatal(err)
	}
	var none *Document
	shown := log.String() + string(inJSON) + fmt.Sprint(none)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown += fmt.Sprintf(verb+verb+verb+verb, d, e, &e, []Entry{e})
	}
	for _, secret := range []string{canary, fmt.Sprintf("%x", canary), auth("user-"+canary, canary)} {
		if strings.Contains(shown, secret) {
			t.Errorf("a credential is shown:\n%s", shown)
		}
	}
}

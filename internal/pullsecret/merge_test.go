package pullsecret

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	oldQuay = "openshift-release-dev+ocm_access_00aa"
	newQuay = "openshift-release-dev+ocm_access_11bb"
	oldRHIO = "1234567|uhc-1GzWbGQ0123456789ABCDEFabcd"
	newRHIO = "1234567|uhc-2HzWbGQ0123456789ABCDEFabcd"
)

// issued is what OCM answers after a rotation.
func issued(t testing.TB) *Document {
	entry := func(user string) string {
		return fmt.Sprintf(`{"auth":%q,"email":"me@example.com"}`, auth(user, "new-"+canary))
	}
	return mustParse(t, `{"auths":{"cloud.openshift.com":`+entry(newQuay)+`,"quay.io":`+entry(newQuay)+
		`,"registry.connect.redhat.com":`+entry(newRHIO)+`,"registry.redhat.io":`+entry(newRHIO)+`}}`)
}

// messy has all that may stand in a pull secret besides the account's entries, in odd order and layout.
func messy(quay, rhio, email string) string {
	return `{
  "credHelpers": {"123.dkr.ecr.us-east-1.amazonaws.com": "ecr-login"},
	"auths" :  {
    "quay.io/team": { "auth" : "` + auth("team+robot", canary) + `", "email":"" },
    "registry.redhat.io": {"email": "` + email + `", "x-note": {"b":1.50, "a":[1e3]}, "auth":"` + rhio + `" },
    "mirror.example:5000": {"username":"m","password":"` + canary + `","identitytoken":"\u0041"},
    "https://index.docker.io/v1/": {"auth": "` + auth("hub", canary) + `"},
    "arosvc.azurecr.io": {"auth":"` + strings.TrimRight(auth("aro", canary), "=") + `"},
      "quay.io":{"auth":"` + quay + `"}
  },
  "HttpHeaders":{"User-Agent":"Docker-Client\/19"}, "credsStore" : null, "z": 12345678901234567890
}
`
}

func actions(changes []Change) map[string]Action {
	m := map[string]Action{}
	for _, c := range changes {
		m[c.Registry] = c.Action
	}
	return m
}

func TestMerge_ChangesOnlyTheValuesOfTheAccountsEntries(t *testing.T) {
	current := mustParse(t, messy(auth(oldQuay, "old"), auth(oldRHIO, "old"), "old@example.com"))
	merged, changes, err := Merge(current, issued(t), Policy{Own: IssuedByOCM})
	if err != nil {
		t.Fatal(err)
	}
	want := messy(auth(newQuay, "new-"+canary), auth(newRHIO, "new-"+canary), "me@example.com")
	if diff := cmp.Diff(want, string(merged)); diff != "" {
		t.Errorf("other bytes than the account's values changed:\n%s", diff)
	}
	wantChanges := []Change{
		{Registry: "quay.io/team", Action: KeptForeign},
		{Registry: "registry.redhat.io", Action: Replaced, Source: "registry.redhat.io"},
		{Registry: "mirror.example:5000", Action: KeptForeign},
		{Registry: "https://index.docker.io/v1/", Action: KeptForeign},
		{Registry: "arosvc.azurecr.io", Action: KeptForeign},
		{Registry: "quay.io", Action: Replaced, Source: "quay.io"},
		{Registry: "cloud.openshift.com", Action: KeptAbsent},
		{Registry: "registry.connect.redhat.com", Action: KeptAbsent},
	}
	if diff := cmp.Diff(wantChanges, changes); diff != "" {
		t.Error(diff)
	}
}

func TestMerge_OfOneEntry(t *testing.T) {
	fresh := mustParse(t, `{"auths":{"r":{"auth":"`+auth("new", "n")+`","email":"new@x"}}}`)
	n := auth("new", "n")
	o := auth("old", "o")
	for name, c := range map[string]struct {
		entry   string // of the current document, for registry r
		foreign bool   // whether the account did not issue it
		replace bool   // Policy.ReplaceForeign
		want    string // the entry afterwards
		action  Action
	}{
		"auth is replaced, an absent email stays absent": {
			entry: `{"auth":"` + o + `"}`, want: `{"auth":"` + n + `"}`, action: Replaced},
		"email is replaced along with auth": {
			entry: `{"email" :"old@x","auth": "` + o + `"}`, want: `{"email" :"new@x","auth": "` + n + `"}`, action: Replaced},
		"an email that is not a text is replaced too": {
			entry: `{"auth":"` + o + `","email":null}`, want: `{"auth":"` + n + `","email":"new@x"}`, action: Replaced},
		"user name and password are replaced where the entry has them": {
			entry: `{"password":"o","username":"old"}`, want: `{"password":"n","username":"new"}`, action: Replaced},
		"all three of them": {
			entry: `{"password":"o","auth":"` + o + `","username":"old"}`, want: `{"password":"n","auth":"` + n + `","username":"new"}`, action: Replaced},
		"an equal credential is unchanged": {
			entry: `{"auth":"` + n + `"}`, want: `{"auth":"` + n + `"}`, action: Unchanged},
		"equal as user name and password": {
			entry: `{"username":"new","password":"n"}`, want: `{"username":"new","password":"n"}`, action: Unchanged},
		"equal without padding and with escapes": {
			entry: `{"auth":"\u0062` + strings.TrimRight(n, "=")[1:] + `","email":"new\u0040x"}`, foreign: true,
			want: `{"auth":"\u0062` + strings.TrimRight(n, "=")[1:] + `","email":"new\u0040x"}`, action: Unchanged},
		"only the email differs": {
			entry: `{"auth":"` + n + `","email":"old@x"}`, want: `{"auth":"` + n + `","email":"old@x"}`, action: Unchanged},
		"only the email differs, and the user name has no known shape": {
			entry: `{"auth":"` + n + `","email":"old@x"}`, foreign: true, want: `{"auth":"` + n + `","email":"old@x"}`, action: Unchanged},
		"only the email differs, and auth is written in another way": {
			entry: `{"auth":"\u0062` + n[1:] + ` ","email":"old@x"}`, want: `{"auth":"\u0062` + n[1:] + ` ","email":"old@x"}`, action: Unchanged},
		"a foreign entry is kept": {
			entry: `{"auth":"` + o + `","email":"old@x"}`, foreign: true, want: `{"auth":"` + o + `","email":"old@x"}`, action: KeptForeign},
		"a foreign entry is replaced when asked": {
			entry: `{"auth":"` + o + `"}`, foreign: true, replace: true, want: `{"auth":"` + n + `"}`, action: Replaced},
		"an empty entry gets auth when asked": {
			entry: `{ }`, foreign: true, replace: true, want: `{"auth":"` + n + `" }`, action: Replaced},
		"half a credential gets auth when asked": {
			entry: `{"username":"old" }`, foreign: true, replace: true, want: `{"username":"new","auth":"` + n + `" }`, action: Replaced},
		"a key in another case is the same key": {
			entry: `{"Auth":"` + o + `"}`, want: `{"Auth":"` + n + `"}`, action: Replaced},
		"an identity token would win over a new password, so the entry stays": {
			entry: `{"auth":"` + o + `","identitytoken":"t"}`, foreign: true, replace: true,
			want: `{"auth":"` + o + `","identitytoken":"t"}`, action: KeptForeign},
		"so does one with a registry token": {
			entry: `{"auth":"` + o + `","registrytoken":"t"}`, replace: true,
			want: `{"auth":"` + o + `","registrytoken":"t"}`, action: KeptForeign},
		"an empty identity token is none": {
			entry: `{"auth":"` + o + `","identitytoken":""}`, want: `{"auth":"` + n + `","identitytoken":""}`, action: Replaced},
	} {
		t.Run(name, func(t *testing.T) {
			current := mustParse(t, `{"auths":{"a":{},"r":`+c.entry+`,"z":{"auth":"x"}}}`)
			p := Policy{ReplaceForeign: c.replace, Own: func(e Entry) bool { return e.Registry == "r" && !c.foreign }}
			merged, changes, err := Merge(current, fresh, p)
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"auths":{"a":{},"r":` + c.want + `,"z":{"auth":"x"}}}`; string(merged) != want {
				t.Errorf("got  %s\nwant %s", merged, want)
			}
			if got := actions(changes)["r"]; got != c.action {
				t.Errorf("action %s, want %s", got, c.action)
			}
			again, _, err := Merge(mustParse(t, string(merged)), fresh, p)
			if err != nil || string(again) != string(merged) {
				t.Errorf("a second merge changes the document: %v", err)
			}
		})
	}
}

func TestMerge_EscapesNoMoreThanJSONNeeds(t *testing.T) {
	fresh := mustParse(t, `{"auths":{"r":{"auth":"`+auth("<u>", `a&"b\`)+`"}}}`)
	merged, _, err := Merge(mustParse(t, `{"auths":{"r":{"username":"u","password":"p"}}}`), fresh, Policy{ReplaceForeign: true})
	if want := `{"auths":{"r":{"username":"<u>","password":"a&\"b\\"}}}`; err != nil || string(merged) != want {
		t.Errorf("got  %s %v\nwant %s", merged, err, want)
	}
}

func TestMerge_GivesTheSameBytesWhenNothingChanges(t *testing.T) {
	current := mustParse(t, messy(auth(newQuay, "new-"+canary), auth(newRHIO, "new-"+canary), "me@example.com"))
	merged, _, err := Merge(current, issued(t), Policy{Own: func(Entry) bool { return true }})
	if err != nil || &merged[0] != &current.Raw()[0] {
		t.Errorf("not the document itself (%v)", err)
	}
}

func TestMerge_WithoutOwnTouchesNothing(t *testing.T) {
	current := mustParse(t, messy(auth(oldQuay, "old"), auth(oldRHIO, "old"), ""))
	if merged, _, err := Merge(current, issued(t), Policy{}); err != nil || string(merged) != string(current.Raw()) {
		t.Error("changed", err)
	}
}

func TestMerge_AddsWhatIsNamedInTheStyleOfTheDocument(t *testing.T) {
	q := auth(newQuay, "new-"+canary)
	for name, c := range map[string]struct{ current, want string }{
		"compact": {
			`{"auths":{"a":{"auth":"eA=="}}}`,
			`{"auths":{"a":{"auth":"eA=="},"quay.io":{"auth":"Q","email":"me@example.com"}}}`},
		"one line with spaces": {
			`{"auths": {"a": {"auth": "eA=="}}}`,
			`{"auths": {"a": {"auth": "eA=="}, "quay.io": {"auth": "Q", "email": "me@example.com"}}}`},
		"spaces inside braces": {
			`{ "auths": { "a": { "auth": "eA==", "email": "" } } }`,
			`{ "auths": { "a": { "auth": "eA==", "email": "" }, "quay.io": { "auth": "Q", "email": "me@example.com" } } }`},
		"indented": {
			"{\n  \"auths\": {\n    \"a\": {\n      \"auth\": \"eA==\"\n    }\n  },\n  \"x\": 1\n}\n",
			"{\n  \"auths\": {\n    \"a\": {\n      \"auth\": \"eA==\"\n    },\n    \"quay.io\": {\n      \"auth\": \"Q\",\n      \"email\": \"me@example.com\"\n    }\n  },\n  \"x\": 1\n}\n"},
		"indented with tabs, entries on a line": {
			"{\"auths\":{\n\t\"a\":{},\n\t\"b\":{\"auth\":\"eA==\"}}}",
			"{\"auths\":{\n\t\"a\":{},\n\t\"b\":{\"auth\":\"eA==\"},\n\t\"quay.io\":{\"auth\":\"Q\",\"email\":\"me@example.com\"}}}"},
		"only an empty entry": {
			`{"auths": {"a": {}}}`,
			`{"auths": {"a": {}, "quay.io": {"auth": "Q","email": "me@example.com"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			merged, changes, err := Merge(mustParse(t, c.current), issued(t), Policy{AddMissing: []string{"quay.io", "quay.io"}})
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.ReplaceAll(c.want, `"Q"`, `"`+q+`"`); string(merged) != want {
				t.Errorf("got  %s\nwant %s", merged, want)
			}
			if actions(changes)["quay.io"] != Added || actions(changes)["registry.redhat.io"] != KeptAbsent {
				t.Error(changes)
			}
		})
	}
}

func TestMerge_AddsInTheOrderOfThePolicyAndSaysWhatOCMDidNotIssue(t *testing.T) {
	merged, changes, err := Merge(mustParse(t, `{"auths":{"a":{}}}`), issued(t),
		Policy{AddMissing: []string{"registry.redhat.io", "never.example", "quay.io", "a"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "registry.redhat.io", "quay.io"}, mustParse(t, string(merged)).Registries()); diff != "" {
		t.Error(diff)
	}
	want := []Change{{Registry: "a", Action: KeptForeign}, {Registry: "registry.redhat.io", Action: Added, Source: "registry.redhat.io"}, {Registry: "never.example", Action: KeptAbsent}, {Registry: "quay.io", Action: Added, Source: "quay.io"},
		{Registry: "cloud.openshift.com", Action: KeptAbsent}, {Registry: "registry.connect.redhat.com", Action: KeptAbsent}}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Error(diff)
	}
}

func TestMerge_RefusesWhatItCannotWriteFaithfully(t *testing.T) {
	for name, c := range map[string]struct {
		current string // the current document
		issued  string // the issued entry for r
		problem Problem
	}{
		"no credential":              {`{"auths":{"r":{"auth":"eA=="}}}`, `{}`, UnusableCredential},
		"no password":                {`{"auths":{"r":{"auth":"eA=="}}}`, `{"auth":"` + auth("u", "") + `"}`, UnusableCredential},
		"no credential, to be added": {`{"auths":{"x":{"auth":"eA=="}}}`, `{"auth":""}`, UnusableCredential},
		"a colon in the user name":   {`{"auths":{"r":{"auth":"eA=="}}}`, `{"username":"a:b","password":"` + canary + `"}`, UnusableCredential},
		"bytes that JSON cannot hold as text": {`{"auths":{"r":{"username":"a","password":"b"}}}`,
			`{"auth":"` + auth("u", canary+"\xff") + `"}`, UnfaithfulResult},
		"a result too large for a Secret": {`{"auths":{"r":{"auth":""}},"x":"` + strings.Repeat("x", MaxSize-40) + `"}`,
			`{"auth":"` + auth("u", canary) + `"}`, TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			merged, changes, err := Merge(mustParse(t, c.current), mustParse(t, `{"auths":{"r":`+c.issued+`}}`),
				Policy{ReplaceForeign: true, AddMissing: []string{"r"}})
			var typed *Error
			if !errors.As(err, &typed) || typed.Problem != c.problem || merged != nil || changes != nil {
				t.Errorf("got %v, want %s", err, c.problem)
			}
			if strings.Contains(fmt.Sprint(err), canary) {
				t.Errorf("the error holds content: %v", err)
			}
		})
	}
}

// A current entry under another key gets the credential of the issued registry that the policy names for it, and what is held back is awaited.
func TestMerge_TakesTheSourceThatThePolicyNamesAndAwaitsWhatIsHeldBack(t *testing.T) {
	current := mustParse(t, `{"auths":{"mirror":{"auth":"`+auth("u", "old")+`"},"other":{"auth":"`+auth("o", "p")+`"}}}`)
	fresh := mustParse(t, `{"auths":{"other.example":{"auth":"`+auth("x", "x")+`"},"quay.io":{"auth":"`+auth("u", "new")+`"}}}`)
	policy := Policy{
		Own:        func(Entry) bool { return true },
		Source:     func(e Entry) (string, bool) { return "quay.io", e.Registry == "mirror" },
		AddMissing: []string{"other.example"},
	}
	merged, changes, err := Merge(current, fresh, policy)
	if err != nil {
		t.Fatal(err)
	}
	after := mustParse(t, string(merged))
	if mirror, _ := after.Entry("mirror"); mirror.Password != "new" || actions(changes)["other"] != KeptForeign || actions(changes)["other.example"] != Added {
		t.Errorf("the mirror's entry is %s, changes %v", mirror.Password, changes)
	}
	policy.Hold = func(Entry) bool { return true }
	merged, changes, err = Merge(current, fresh, policy)
	if err != nil || string(merged) != string(current.Raw()) || actions(changes)["mirror"] != Awaited || actions(changes)["other.example"] != Awaited {
		t.Errorf("held back: %v, %v", changes, err)
	}
}

func TestCheckResult_NoticesEachWayInWhichAResultIsNotTheIntendedOne(t *testing.T) {
	before := mustParse(t, `{"auths":{"a":{"auth":"`+auth("u", "p")+`"},"b":{}}}`)
	want := map[string]Entry{"a": {Registry: "a", Username: "u", Password: "new"}}
	document := func(user, password string) string {
		return `{"auths":{"a":{"auth":"` + auth(user, password) + `"},"b":{}}}`
	}
	if err := before.checkResult([]byte(document("u", "new")), want); err != nil {
		t.Errorf("the intended result: %v", err)
	}
	for name, result := range map[string]string{
		"another password": document("u", "p"), "another user": document("v", "new"), "no JSON": "{",
		"an entry less":       `{"auths":{"a":{"auth":"` + auth("u", "new") + `"}}}`,
		"another order":       `{"auths":{"b":{},"a":{"auth":"` + auth("u", "new") + `"}}}`,
		"a changed neighbour": `{"auths":{"a":{"auth":"` + auth("u", "new") + `"},"b":{"x":1}}}`,
	} {
		if before.checkResult([]byte(result), want) == nil {
			t.Errorf("%s: it is taken for the intended one", name)
		}
	}
	empty := map[string]Entry{"c": {Registry: "c"}}
	if before.checkResult([]byte(document("u", "p")), empty) == nil {
		t.Error("an entry without content that is not there is taken for the intended one")
	}
}

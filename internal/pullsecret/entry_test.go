package pullsecret

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func fingerprint(e Entry, salt string) string { return NewFingerprinter(salt).Of(e) }

func TestFingerprint_IsOfUserAndPasswordAlone(t *testing.T) {
	salt := NewSalt()
	quay := Entry{Registry: "quay.io", Username: "u", Password: "p", Email: "e"}
	cloud := Entry{Registry: "cloud.openshift.com", Username: "u", Password: "p"}
	if fingerprint(quay, salt) != fingerprint(cloud, salt) {
		t.Error("one credential at two registries has two fingerprints")
	}
	for name, other := range map[string]Entry{
		"another password":        {Username: "u", Password: "q"},
		"another user":            {Username: "v", Password: "p"},
		"the boundary elsewhere":  {Username: "up", Password: ""},
		"the boundary elsewhere2": {Username: "", Password: "up"},
	} {
		if fingerprint(other, salt) == fingerprint(quay, salt) {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
	if fingerprint(quay, salt) == fingerprint(quay, NewSalt()) {
		t.Error("another salt gives the same fingerprint")
	}
	if f := fingerprint(quay, salt); len(f) != 2*fingerprintBytes || strings.Trim(f, "0123456789abcdef") != "" {
		t.Errorf("not short hex: %q", f)
	}
}

// One fingerprinter is asked for many entries.
func TestFingerprinter_RemembersNoneForAnother(t *testing.T) {
	entries := []Entry{{Username: "u", Password: "p"}, {Username: "up"}, {Password: "up"}, {}, {Username: "u", Password: "q"}}
	f := NewFingerprinter("salt")
	for range 2 {
		for _, e := range entries {
			if got, want := f.Of(e), fingerprint(e, "salt"); got != want {
				t.Errorf("%v: %q after others, %q as the first", e, got, want)
			}
		}
	}
	if !f.Uses("salt") || f.Uses("other") || (*Fingerprinter)(nil).Uses("") {
		t.Error("a fingerprinter does not know its salt")
	}
}

func TestFingerprinter_PrintsNoCredential(t *testing.T) {
	f := NewFingerprinter("salt")
	f.Of(Entry{Username: "user-name", Password: "pass-word"})
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, f); strings.Contains(text, "user-name") || strings.Contains(text, "pass-word") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func TestFingerprint_OfHalfACredentialIsOne(t *testing.T) {
	if fingerprint(Entry{Username: "u"}, "salt") == "" || fingerprint(Entry{Password: "p"}, "salt") == "" {
		t.Error("what has a user name or a password alone can be recognised")
	}
}

func TestFingerprints_LeaveOutEntriesWithoutACredential(t *testing.T) {
	d := mustParse(t, `{"auths":{"a":{"auth":"`+auth("u", "p")+`"},"b":{},"c":{"username":"u","password":"p"}}}`)
	f := fingerprint(Entry{Username: "u", Password: "p"}, "s")
	if diff := cmp.Diff(map[string]string{"a": f, "c": f}, NewFingerprinter("s").All(d)); diff != "" {
		t.Error(diff)
	}
}

// Whoever switches FIPS 140-3 on in a process has every shorter key of an HMAC end it.
func TestFingerprint_NeedsASaltAndTakesAny(t *testing.T) {
	e := Entry{Username: "u", Password: "p"}
	if f := fingerprint(e, ""); f != "" {
		t.Errorf("without a salt the fingerprint is %q: it would be the same in all clusters", f)
	}
	if fingerprint(e, "short") == "" || fingerprint(e, "short") == fingerprint(e, "shorter") {
		t.Error("a short salt gives no fingerprint of its own")
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFingerprint_IsOfUserAndPasswordAlone$|^TestFingerprints_LeaveOut")
	child.Env = append(os.Environ(), "GODEBUG=fips140=only")
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("with FIPS 140-3 alone: %v\n%s", err, out)
	}
}

func TestAnEmptyCredential_EqualsNothing(t *testing.T) {
	if (Entry{}).sameCredential(Entry{}) || fingerprint(Entry{}, "s") != "" {
		t.Error("two entries without a credential were taken for equal")
	}
}

func TestNewSalt_IsNewEachTime(t *testing.T) {
	if a, b := NewSalt(), NewSalt(); a == b || len(a) < 20 {
		t.Errorf("%q %q", a, b)
	}
}

func TestIssuedByOCM_KnowsTheShapesAndNothingElse(t *testing.T) {
	for user, want := range map[string]bool{
		"openshift-release-dev+ocm_access_0123456789abcdef": true,
		"uhc-pool-4f1d0e3c-0f2b-4a51-8a39-000000000000":     true,
		"1234567|uhc-pool-4f1d0e3c":                         true,
		"1234567|uhc-1GzWbGQ0123456789ABCDEFabcd":           true,
		"1234567|my-registry-service-account":               false, // a customer's own
		"1234567|uhc-team":                                  false,
		"team+robot":                                        false,
		"openshift-release-dev+veryraven1rund93abc":         true, // as in pull secrets of 4.3
		"openshift-release-dev+":                            false,
		"openshift-release-development+somebody":            false,
		"x openshift-release-dev+ocm_access_0123":           false,
		"openshift-release-dev+ocm_access_0123\nx":          false,
		"AWS": false,
		"":    false,
	} {
		if got := IssuedByOCM(Entry{Username: user, Password: "p"}); got != want {
			t.Errorf("%q: %v, want %v", user, got, want)
		}
	}
}

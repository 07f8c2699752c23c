package decide

import (
	"fmt"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// set is what OCM issues at one time: the same name gives the same credentials.
func set(name string) []v1alpha1.EntryFingerprint {
	return []v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: name}, {Registry: "registry.redhat.io", Fingerprint: name + "-redhat"}}
}

func record(status ...v1alpha1.PullSecretRotationStatus) Record {
	if len(status) == 0 {
		return Record{&v1alpha1.PullSecretRotationStatus{}}
	}
	return Record{&status[0]}
}

func TestOwner_IsKnownUnderAnyRegistryAndOnlyOfACredential(t *testing.T) {
	s := record()
	s.row("registry.redhat.io", "q") // seen, and nobody's under this registry
	s.Owns("me", "quay.io", "q")
	s.Owns("you", "quay.io", "") // there is no credential
	if len(s.Credentials) != 2 {
		t.Errorf("the table is %+v", s.Credentials)
	}
	s.Credentials = append(s.Credentials, v1alpha1.CredentialStatus{AccountID: "you"})
	for fingerprint, want := range map[string]string{"q": "me", "unseen": "", "": ""} {
		if got := s.Owner(fingerprint); got != want {
			t.Errorf("%q belongs to %q, want %q", fingerprint, got, want)
		}
	}
}

// What the rotation on record needs is not forgotten, however many other credentials are seen.
func TestTheTable_ForgetsTheOldestThatTheRotationDoesNotNeed(t *testing.T) {
	full := func(s Record, first ...string) {
		for i := range keptCredentials {
			s.row("quay.io", append(first, fmt.Sprintf("old-%d", i))[min(i, len(first))]+map[bool]string{true: fmt.Sprint("-", i)}[i > len(first)])
		}
	}
	s := record()
	s.Rotation = &v1alpha1.RotationStatus{Issued: set("issued"), Baseline: set("before")}
	full(s, "issued", "before")
	s.row("quay.io", "new")
	if len(s.Credentials) != keptCredentials || s.Credential("quay.io", "issued") == nil || s.Credential("quay.io", "before") == nil || s.Credential("quay.io", "new") == nil {
		t.Errorf("%d rows, of which the first are %+v", len(s.Credentials), s.Credentials[:3])
	}
	if s.Credential("quay.io", "old-2") != nil {
		t.Error("the oldest that nobody needs is still there")
	}

	s = record()
	full(s)
	s.row("quay.io", "new")
	if s.Credential("quay.io", "old-0") != nil || len(s.Credentials) != keptCredentials {
		t.Errorf("without a rotation: %d rows, of which the first is %+v", len(s.Credentials), s.Credentials[0])
	}

	s = record()
	full(s)
	s.Rotation = &v1alpha1.RotationStatus{}
	for _, c := range s.Credentials {
		s.Rotation.Issued = append(s.Rotation.Issued, v1alpha1.EntryFingerprint{Registry: c.Registry, Fingerprint: c.Fingerprint})
	}
	first := s.Credentials[0].Fingerprint
	s.row("quay.io", "new")
	if s.Credential("quay.io", first) != nil || len(s.Credentials) != keptCredentials {
		t.Errorf("when all are needed: %d rows, of which the first is %+v", len(s.Credentials), s.Credentials[0])
	}
}

func TestGiven_IsFromTheFirstTimeInWholeSeconds(t *testing.T) {
	s := record()
	s.Given("me", set("first"), noon.Add(time.Second/2))
	s.Given("me", set("second"), noon.Add(time.Hour))
	s.Given("me", set("second"), noon.Add(2*time.Hour))
	for name, want := range map[string]time.Time{"first": noon, "second": noon.Add(time.Hour)} {
		if got := s.FirstGiven(set(name)); !got.Equal(want) {
			t.Errorf("the %s set is from %s, want %s", name, got, want)
		}
	}
}

func TestFirstGivenAndGivenBefore_AreAboutTheWholeSet(t *testing.T) {
	s := record()
	s.Given("me", set("old")[:1], noon)
	s.Given("me", set("old")[1:], noon.Add(time.Hour))
	s.row("quay.io", "seen")
	seen, unseen := v1alpha1.EntryFingerprint{Registry: "quay.io", Fingerprint: "seen"}, v1alpha1.EntryFingerprint{Registry: "quay.io", Fingerprint: "unseen"}
	older, newer := set("old")[0], set("old")[1]
	for _, row := range []struct {
		name   string
		list   []v1alpha1.EntryFingerprint
		first  time.Time
		before bool // two hours after noon
	}{
		{"all were given before", []v1alpha1.EntryFingerprint{newer, older}, hours(1).Time, true},
		{"one was never given", []v1alpha1.EntryFingerprint{older, seen}, noon, false},
		{"one was never seen", []v1alpha1.EntryFingerprint{older, unseen}, noon, false},
		{"none", nil, time.Time{}, false},
	} {
		if got := s.FirstGiven(row.list); !got.Equal(row.first) {
			t.Errorf("%s: the last was first given at %s, want %s", row.name, got, row.first)
		}
		if got := s.GivenBefore(row.list, hours(2).Time); got != row.before {
			t.Errorf("%s: given before: %v", row.name, got)
		}
	}
	if s.GivenBefore([]v1alpha1.EntryFingerprint{newer}, hours(1).Add(time.Second/2)) {
		t.Error("what was given in the same second was given before: the table has whole seconds")
	}
}

func TestAnswered_NotesWhatARegistrySaysOfACredential(t *testing.T) {
	check := func(o Outcome, change func(*Check)) Check {
		c := Check{Registry: "quay.io", Fingerprint: "q", Policy: v1alpha1.VerificationRequired, Result: Answer{Outcome: o}}
		if change != nil {
			change(&c)
		}
		return c
	}
	named := func(c *Check) { c.Named = true }
	for _, row := range []struct {
		name              string
		check             Check
		verified, refused bool
		owner             string
	}{
		{"accepted", check(Accepted, nil), true, false, ""},
		{"the image that was our guess is not there", check(NotFound, nil), true, false, ""},
		{"the image that the spec names is not there", check(NotFound, named), false, false, ""},
		{"refused", check(Unauthorized, nil), false, true, ""},
		{"denied", check(Denied, nil), false, true, ""},
		{"no answer", check(Unreachable, nil), false, false, ""},
		{"nobody asks it", check(Accepted, func(c *Check) { c.Policy = v1alpha1.VerificationSkip }), false, false, ""},
		{"there is no credential", check(Unauthorized, func(c *Check) { c.Fingerprint = "" }), false, false, ""},
		{"OCM says whose it is", check(Accepted, func(c *Check) { c.Account = "me" }), true, false, "me"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := record()
			s.Answered([]Check{row.check}, noon.Add(time.Second/2))
			c := s.Credential("quay.io", row.check.Fingerprint)
			if (c != nil) != (row.verified || row.refused) || s.Owner("q") != row.owner {
				t.Fatalf("the row is %+v", c)
			}
			if c != nil && ((c.VerifiedAt != nil) != row.verified || (c.RefusedSince != nil) != row.refused) {
				t.Errorf("the row is %+v", c)
			}
			if c != nil && row.verified && !c.VerifiedAt.Time.Equal(noon) {
				t.Errorf("verified at %s: times have whole seconds", c.VerifiedAt)
			}
		})
	}
}

func TestRefusedSince_IsTheBeginningOfARefusalThatLasts(t *testing.T) {
	s := record()
	s.row("quay.io", "known").RefusedSince = hours(-3)
	s.row("quay.io", "accepted").VerifiedAt = hours(-3)
	for _, row := range []struct {
		fingerprint string
		outcome     Outcome
		policy      v1alpha1.VerificationPolicy
		want        time.Time
	}{
		{"known", Unauthorized, v1alpha1.VerificationRequired, hours(-3).Time},
		{"known", Unauthorized, v1alpha1.VerificationSkip, time.Time{}},
		{"known", Accepted, v1alpha1.VerificationRequired, time.Time{}},
		{"accepted", Denied, v1alpha1.VerificationRequired, noon},
		{"unseen", Denied, v1alpha1.VerificationRequired, noon},
	} {
		c := Check{Registry: "quay.io", Fingerprint: row.fingerprint, Policy: row.policy, Result: Answer{Outcome: row.outcome}}
		if got := s.RefusedSince(c, noon.Add(time.Second/2)); !got.Equal(row.want) {
			t.Errorf("%s, %s, %s: refused since %s, want %s", row.fingerprint, row.outcome, row.policy, got, row.want)
		}
	}
}

func TestAnswers_OutliveTheEvidence(t *testing.T) {
	s := record()
	s.Rotation = &v1alpha1.RotationStatus{Issued: set("q"), Answers: []v1alpha1.RegistryAnswer{{Registry: "quay.io", Result: AnswerRefused, At: hours(-1)}}}
	if a := s.Answers(s.Rotation); a[0].Result != AnswerRefused || !a[0].At.Equal(hours(-1)) || a[1].Result != AnswerNone {
		t.Errorf("the answers are %+v", a)
	}
}

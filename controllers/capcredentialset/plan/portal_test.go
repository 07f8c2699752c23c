package plan

import (
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// twoRoles is a set that needs a credential of each of two roles, "r" for machine-api and "s" for the registry.
func twoRoles(change func(*Input)) Input {
	in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", 40*time.Minute), registry: fresh("s", 40*time.Minute)})
	roles(&in, map[types.NamespacedName]string{registry: "s"})
	if change != nil {
		change(&in)
	}
	return in
}

// brokenPortal has CAP itself failed for a number of times, the last time so long ago.
func brokenPortal(ago time.Duration, times int) func(*Input) {
	return func(in *Input) {
		for range times {
			f := Failure{Reason: v1alpha1.ReasonCAPUnavailable, Message: "down", Last: noon.Add(-ago), Rhythm: schedule.DefaultRetryRhythm}
			in.Memory.Portal = in.Memory.Portal.Fails(f, noon.Add(-ago))
		}
	}
}

func asked(p Plan) []string {
	var list []string
	for _, f := range p.Fetches {
		list = append(list, f.Role)
	}
	return list
}

// While CAP fails, one role is tried for all: the one that was tried longest ago, so that one whose requests hang does not stand for the others.
func TestDecide_TriesOneRoleForAllWhileCAPFails(t *testing.T) {
	tried := func(role string, ago time.Duration) func(*Input) {
		return func(in *Input) {
			brokenPortal(time.Hour, 3)(in)
			for _, other := range []string{"r", "s"} {
				in.Memory.Roles[other] = Failure{Count: 1, Last: noon.Add(-time.Hour), Reason: v1alpha1.ReasonCAPUnavailable, Rhythm: schedule.DefaultRetryRhythm}
			}
			f := in.Memory.Roles[role]
			f.Last = noon.Add(-ago)
			in.Memory.Roles[role] = f
		}
	}
	for name, row := range map[string]struct {
		change func(*Input)
		want   []string
	}{
		"CAP answers":                        {nil, []string{"r", "s"}},
		"CAP has answered since":             {func(in *Input) { brokenPortal(0, 3)(in); in.Memory.Portal = in.Memory.Portal.Answers() }, []string{"r", "s"}},
		"CAP has just failed":                {brokenPortal(0, 3), nil},
		"CAP failed a while ago":             {brokenPortal(time.Hour, 3), []string{"r"}},
		"a refresh was requested since":      {func(in *Input) { brokenPortal(time.Second, 3)(in); in.RequestedAt = noon }, []string{"r"}},
		"the first was tried later":          {tried("r", time.Minute), []string{"s"}},
		"the second was tried later":         {tried("s", time.Minute), []string{"r"}},
		"the first has just failed":          {func(in *Input) { brokenPortal(time.Hour, 3)(in); failing(0, 20)(in) }, []string{"s"}},
		"the answer to the first is awaited": {func(in *Input) { brokenPortal(time.Hour, 3)(in); in.Flying = map[string]bool{"r": true} }, []string{"r", "s"}},
		"nothing may be fetched":             {func(in *Input) { in.Hold = &Hold{Reason: "R", Fetching: true} }, nil},
	} {
		if got := asked(Decide(twoRoles(row.change))); !slices.Equal(got, row.want) {
			t.Errorf("%s: asked for are %q, want %q", name, got, row.want)
		}
	}
}

// All wait together for the one that is tried, and say that it is CAP that fails.
func TestDecide_AllWaitTogetherForCAP(t *testing.T) {
	p := Decide(twoRoles(brokenPortal(0, 3)))
	for _, r := range p.Rows {
		if !r.Together || !r.Next.Equal(p.Wake) || !r.Next.After(noon) || r.Result != v1alpha1.ReasonCAPUnavailable || r.Message != "down" {
			t.Errorf("after a failure %s waits until %s, together %v: %s %s", r.Ref, r.Next, r.Together, r.Result, r.Message)
		}
	}
	p = Decide(twoRoles(brokenPortal(time.Hour, 3)))
	if first, second := p.Rows[0], p.Rows[1]; first.Together || !second.Together || !second.Next.Equal(noon) || second.Result != v1alpha1.ReasonCAPUnavailable {
		t.Errorf("while one is tried: %+v, %+v", first, second)
	}
	p = Decide(twoRoles(func(in *Input) {
		brokenPortal(0, 3)(in)
		in.Memory.Writes[machines] = Failure{Reason: v1alpha1.ReasonForbidden, Message: "m", Count: 1, Last: noon.Add(-time.Hour), Rhythm: WriteRhythm}
	}))
	if r := p.Rows[0]; r.Result != v1alpha1.ReasonForbidden {
		t.Errorf("one that cannot be written says %s", r.Result)
	}
	p = Decide(twoRoles(func(in *Input) {
		brokenPortal(0, 3)(in)
		in.Hold = &Hold{Reason: v1alpha1.ReasonCertificateExpired, Fetching: true}
	}))
	if r := p.Rows[0]; r.Result != v1alpha1.ReasonCertificateExpired || r.Together {
		t.Errorf("without a certificate it says %s, together %v", r.Result, r.Together)
	}
	near := twoRoles(brokenPortal(0, 20))
	far := Decide(near).Wake
	near.Secrets[machines] = fresh("r", time.Hour-20*time.Second)
	if at := Decide(near).Wake; !at.Before(far) {
		t.Errorf("CAP is tried again at %s, and at %s with a credential that is about to expire", far, at)
	}
}

// An answer is for each Secret of its role, however many there are.
func TestDecide_AwaitsOneAnswerForEachSecretOfARole(t *testing.T) {
	in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", 40*time.Minute), registry: fresh("r", 40*time.Minute), ingress: fresh("r", 40*time.Minute)})
	in.Flying = map[string]bool{"r": true}
	if p := Decide(in); len(p.Fetches) != 1 || len(p.Fetches[0].Rows) != 3 || !p.Fetches[0].Flying {
		t.Errorf("awaited are %+v", p.Fetches)
	}
	for set, want := range map[int32]int{0: 4, 1: 1, 9: 9} {
		in.Spec.Endpoint.MaxConcurrentRequests = set
		if got := Concurrency(in.Spec); got != want {
			t.Errorf("with %d in the spec %d answers may be awaited, want %d", set, got, want)
		}
	}
}

// After a change of what CAP is asked with, one question shows whether it answers well, although nothing is due.
func TestProve_AsksForOneRoleWhereNothingIsDue(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Input)
		want   string // the role of the proof
		wake   bool   // the next round is before anything is due
	}{
		"the most important":               {func(*Input) {}, "r", false},
		"the one of the last time":         {func(in *Input) { in.Memory.Prover = "s" }, "s", false},
		"the one of the last time is gone": {func(in *Input) { in.Memory.Prover = "gone" }, "r", false},
		"not one that needs something else": {func(in *Input) {
			in.Secrets[machines] = Observation{Known: true, NamespaceMissing: true}
		}, "s", false},
		"nothing was changed":              {func(in *Input) { in.Unproven = false }, "", false},
		"nothing may be fetched":           {func(in *Input) { in.Hold = &Hold{Reason: "R", Fetching: true} }, "", false},
		"the answer is awaited":            {func(in *Input) { in.Flying = map[string]bool{"r": true} }, "", false},
		"it has just failed":               {failing(0, 3), "", true},
		"CAP has just failed":              {brokenPortal(0, 3), "", true},
		"CAP and it have failed, it later": {func(in *Input) { failing(0, 3)(in); brokenPortal(time.Hour, 3)(in) }, "", true},
		"nothing needs nothing": {func(in *Input) {
			in.Secrets = map[types.NamespacedName]Observation{machines: {Known: true, NamespaceMissing: true}, registry: {Known: true, NamespaceMissing: true}}
		}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", 0), registry: fresh("s", 0)})
			roles(&in, map[types.NamespacedName]string{registry: "s"})
			in.Unproven = true
			row.change(&in)
			p := Decide(in)
			proof := ""
			for _, f := range p.Fetches {
				if f.Proof && len(f.Rows) == 0 {
					proof = f.Role
				}
			}
			if early := !p.Wake.IsZero() && p.Wake.Before(noon.Add(30*time.Minute)); proof != row.want || early != row.wake {
				t.Errorf("asked is %q, and the next round is at %s", proof, p.Wake)
			}
		})
	}
	in := twoRoles(func(in *Input) { in.Unproven = true })
	if p := Decide(in); len(p.Fetches) != 2 || p.Fetches[0].Proof || p.Fetches[1].Proof {
		t.Errorf("what is due is the proof: %+v", p.Fetches)
	}
	m := NewMemory()
	if !m.Proves("r") {
		t.Error("before a role was chosen, not each proves")
	}
	if m.Prover = "r"; !m.Proves("r") || m.Proves("s") {
		t.Error("once one was chosen, another proves")
	}
}

// Roles that only the next release needs are asked for once, and alone.
func TestTry_AsksOnceForWhatTheNextReleaseNeeds(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Input)
		want   []string
		wake   bool
	}{
		"each in order":  {func(*Input) {}, []string{"t", "u"}, false},
		"one is known":   {func(in *Input) { in.Memory.Trials["t"] = Trial{Reason: v1alpha1.ReasonFresh} }, []string{"u"}, false},
		"one is awaited": {func(in *Input) { in.Flying = map[string]bool{"t": true} }, []string{"u"}, false},
		"one is asked for anyway": {func(in *Input) {
			in.Secrets[machines] = Observation{Known: true}
			roles(in, map[types.NamespacedName]string{machines: "t"})
		}, []string{"t", "u"}, false},
		"one has just failed":     {func(in *Input) { failing(0, 3)(in); in.Memory.Roles["t"] = in.Memory.Roles["r"] }, []string{"u"}, true},
		"CAP fails: one is tried": {brokenPortal(time.Hour, 3), []string{"t"}, false},
		"CAP has just failed":     {brokenPortal(0, 3), nil, true},
		"nothing may be fetched":  {func(in *Input) { in.Hold = &Hold{Reason: "R", Fetching: true} }, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", 0)})
			in.Memory.Trials = map[string]Trial{"u": {}, "t": {}}
			row.change(&in)
			p := Decide(in)
			if got := asked(p); !slices.Equal(got, row.want) {
				t.Errorf("asked for are %q, want %q", got, row.want)
			}
			if early := !p.Wake.IsZero() && p.Wake.After(noon) && p.Wake.Before(noon.Add(30*time.Minute)); early != row.wake {
				t.Errorf("the next round is at %s", p.Wake)
			}
		})
	}
}

func TestDecide_ARequestForLaterAndTheOrder(t *testing.T) {
	in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", 0), ref("b", "y"): fresh("r", 0), ref("b", "x"): fresh("r", 0), ref("a", "z"): fresh("r", 0)})
	slices.Reverse(in.Targets)
	in.RequestedAt = noon.Add(time.Minute)
	p := Decide(in)
	var got []types.NamespacedName
	for _, r := range p.Rows {
		got = append(got, r.Ref)
	}
	if want := []types.NamespacedName{machines, ref("a", "z"), ref("b", "x"), ref("b", "y")}; !slices.Equal(got, want) || !p.Requested.Equal(in.RequestedAt) {
		t.Errorf("the order is %v, and requested is %s", got, p.Requested)
	}
	in.Hold = &Hold{Reason: "R"}
	if p = Decide(in); !p.Requested.IsZero() {
		t.Errorf("while nothing may be done, a request for %s is planned", p.Requested)
	}
	in.Hold, in.RequestedAt = nil, noon
	if p = Decide(in); !p.Requested.IsZero() {
		t.Errorf("a request that has come is planned for %s", p.Requested)
	}
	failed := twoRoles(func(in *Input) {
		in.Memory.Writes[machines] = Failure{Reason: v1alpha1.ReasonForbidden, Count: 1, Last: noon.Add(-time.Second), Rhythm: WriteRhythm}
	})
	if got := asked(Decide(failed)); !slices.Equal(got, []string{"s"}) {
		t.Errorf("after a refused write asked for are %q", got)
	}
	if failed.RequestedAt = noon; len(asked(Decide(failed))) != 2 {
		t.Error("a request does not go past the wait after a refused write")
	}
}

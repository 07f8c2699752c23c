package plan

import (
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// fresh is a Secret that was written so long ago and lives for an hour from then.
func fresh(role string, age time.Duration) Observation {
	return Observation{Known: true, Found: true, Usable: true, Hash: "h", Bookkeeping: Bookkeeping{
		Role: role, RefreshedAt: noon.Add(-age), ExpiresAt: noon.Add(time.Hour - age), Expiry: v1alpha1.ExpiryTold, Hash: "h",
	}}
}

func with(o Observation, change func(*Observation)) Observation {
	change(&o)
	return o
}

func anInput(secrets map[types.NamespacedName]Observation) Input {
	in := Input{
		Seed: "cap", Spec: &v1alpha1.CAPCredentialSetSpec{}, Secrets: secrets, Memory: NewMemory(), Now: noon,
	}
	in.Spec.Refresh = v1alpha1.RefreshSpec{AtLifetimePercent: 50, JitterPercent: ptr.To[int32](0)}
	for r := range secrets {
		in.Targets = append(in.Targets, Target{Ref: r, DefaultRole: "r"})
	}
	slices.SortFunc(in.Targets, func(a, b Target) int { return order(a.Ref, b.Ref) })
	return in
}

func TestDecide_JudgesOneSecret(t *testing.T) {
	tests := map[string]struct {
		secret Observation
		change func(*Input)
		// why a credential is needed, result of the row, and how many roles are asked for
		why, result string
		fetches     int
		// next is from noon on; minus one for none
		next time.Duration
	}{
		"a credential in the first half of its life is not refreshed before the half": {
			secret: fresh("r", 10*time.Minute), result: v1alpha1.ReasonFresh, next: 20 * time.Minute,
		},
		"a credential in the second half of its life is refreshed": {
			secret: fresh("r", 31*time.Minute), why: string(schedule.RefreshScheduled), result: v1alpha1.ReasonAwaitingRefresh, fetches: 1,
		},
		"an expired credential is refreshed": {
			secret: fresh("r", 3*24*time.Hour), why: string(schedule.RefreshExpired), result: v1alpha1.ReasonAwaitingRefresh, fetches: 1,
		},
		"a credential from the future is refreshed, because a clock was wrong": {
			secret: fresh("r", -time.Hour), why: string(schedule.RefreshClockJumped), result: v1alpha1.ReasonAwaitingRefresh, fetches: 1,
		},
		"a credential that claims to live for a year is refreshed": {
			secret: with(fresh("r", 0), func(o *Observation) { o.Bookkeeping.ExpiresAt = noon.AddDate(1, 0, 0) }),
			why:    string(schedule.RefreshAbsurd), result: v1alpha1.ReasonAwaitingRefresh, fetches: 1,
		},
		"a credential without bookkeeping, as openshift-install leaves it, is refreshed": {
			secret: Observation{Known: true, Found: true, Usable: true, Hash: "h"},
			why:    whyUnknown, result: v1alpha1.ReasonAwaitingRefresh, fetches: 1,
		},
		"a Secret with nothing but a role is filled": {
			secret: Observation{Known: true, Found: true, Role: "own"}, why: whyUnusable, result: v1alpha1.ReasonAwaitingRefresh, fetches: 1,
		},
		"an edited Secret is set right": {
			secret: with(fresh("r", time.Minute), func(o *Observation) { o.Hash = "other" }),
			why:    WhyEdited, result: v1alpha1.ReasonAwaitingRefresh, fetches: 1,
		},
		"an edit that makes a Secret useless is still an edit": {
			secret: with(fresh("r", time.Minute), func(o *Observation) { o.Hash, o.Usable = "other", false }),
			why:    WhyEdited, result: v1alpha1.ReasonAwaitingRefresh, fetches: 1,
		},
		"a Secret with another role's credential gets that of its own": {
			secret: fresh("another", time.Minute), why: whyRoleChanged, result: v1alpha1.ReasonAwaitingRefresh, fetches: 1,
		},
		"a missing Secret is created": {
			secret: Observation{Known: true}, why: whyMissing, result: v1alpha1.ReasonAwaitingRefresh, fetches: 1,
		},
		"a missing Secret is not created where that is not wanted": {
			secret: Observation{Known: true}, change: func(in *Input) { in.Spec.CreateMissingSecrets = ptr.To(false) },
			result: v1alpha1.ReasonSecretMissing, next: -1,
		},
		"a missing Secret waits for its namespace": {
			secret: Observation{Known: true, NamespaceMissing: true}, result: v1alpha1.ReasonNamespaceMissing, next: -1,
		},
		"a Secret that has not been read is skipped": {
			secret: Observation{}, result: v1alpha1.ReasonAwaitingRefresh, next: -1,
		},
		"a Secret that may not be read says so": {
			secret: Observation{Forbidden: true, Problem: "p"}, result: v1alpha1.ReasonForbidden, next: -1,
		},
		"a Secret that an older set keeps is left to it": {
			secret: fresh("r", time.Hour), change: func(in *Input) { in.Targets[0].Holder = "older" },
			result: v1alpha1.ReasonConflict, next: -1,
		},
		"a Secret without a role is skipped": {
			secret: fresh("r", time.Hour), change: func(in *Input) { in.Targets[0].DefaultRole = "" },
			result: v1alpha1.ReasonNoRole, next: -1,
		},
		"what is older than a request is refreshed": {
			secret: fresh("r", 10*time.Minute), change: func(in *Input) { in.RequestedAt = noon.Add(-time.Minute) },
			why: whyRequested, result: v1alpha1.ReasonAwaitingRefresh, fetches: 1,
		},
		"what is younger than a request is not": {
			secret: fresh("r", 10*time.Minute), change: func(in *Input) { in.RequestedAt = noon.Add(-11 * time.Minute) },
			result: v1alpha1.ReasonFresh, next: 20 * time.Minute,
		},
		"a request of the same second does not repeat itself": {
			secret: fresh("r", 0), change: func(in *Input) { in.RequestedAt = noon.Add(900 * time.Millisecond); in.Now = noon.Add(time.Second) },
			result: v1alpha1.ReasonFresh, next: 30 * time.Minute,
		},
		"a request for later waits until then": {
			secret: fresh("r", 10*time.Minute), change: func(in *Input) { in.RequestedAt = noon.Add(5 * time.Minute) },
			result: v1alpha1.ReasonFresh, next: 20 * time.Minute,
		},
		"while the set is held, what is due says why and what is fresh stays fresh": {
			secret: fresh("r", 40*time.Minute), change: func(in *Input) { in.Hold = &Hold{Reason: v1alpha1.ReasonCertificateExpired, Message: "m"} },
			why: string(schedule.RefreshScheduled), result: v1alpha1.ReasonCertificateExpired, next: -1,
		},
		"a role that has just failed is not retried at once": {
			secret: fresh("r", 40*time.Minute), change: failing(5*time.Second, 3),
			why: string(schedule.RefreshScheduled), result: v1alpha1.ReasonCAPUnavailable, next: time.Second,
		},
		"a role that failed long ago is tried again": {
			secret: fresh("r", 40*time.Minute), change: failing(10*time.Minute, 3),
			why: string(schedule.RefreshScheduled), result: v1alpha1.ReasonCAPUnavailable, fetches: 1,
		},
		"a failure in the future is none: the clock has jumped back": {
			secret: fresh("r", 40*time.Minute), change: failing(-time.Hour, 3),
			why: string(schedule.RefreshScheduled), result: v1alpha1.ReasonCAPUnavailable, fetches: 1,
		},
		"a request goes past the wait after a failure": {
			secret: fresh("r", 40*time.Minute), change: func(in *Input) { failing(5*time.Second, 3)(in); in.RequestedAt = noon },
			why: whyRequested, result: v1alpha1.ReasonCAPUnavailable, fetches: 1,
		},
		"a Secret that could not be written is not retried at once, and no request is sent": {
			secret: fresh("r", 40*time.Minute), change: func(in *Input) {
				in.Memory.Writes[machines] = Failure{}.Again(v1alpha1.ReasonForbidden, "m", noon, time.Time{}, WriteRhythm)
			},
			why: string(schedule.RefreshScheduled), result: v1alpha1.ReasonForbidden, next: time.Second,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := anInput(map[types.NamespacedName]Observation{machines: test.secret})
			if test.change != nil {
				test.change(&in)
			}
			p := Decide(in)
			row := p.Rows[0]
			if row.Why != test.why || row.Result != test.result || len(p.Fetches) != test.fetches {
				t.Errorf("why %q, result %q and %d fetches, want %q, %q and %d", row.Why, row.Result, len(p.Fetches), test.why, test.result, test.fetches)
			}
			switch {
			case test.next < 0 && !row.Next.IsZero():
				t.Errorf("next at %s, want none", row.Next)
			case test.fetches == 0 && test.next == time.Second && !row.Next.After(in.Now):
				t.Errorf("next at %s, want later", row.Next)
			case test.fetches == 0 && test.next > time.Second && !row.Next.Equal(noon.Add(test.next)):
				t.Errorf("next at %s, want %s", row.Next, noon.Add(test.next))
			}
			if row.Result != v1alpha1.ReasonFresh && row.Message == "" && in.Hold == nil {
				t.Error("a row that is not fresh has no message")
			}
		})
	}
}

// failing has the role r failed for a number of times, the last time so long ago.
func failing(ago time.Duration, times int) func(*Input) {
	return func(in *Input) {
		var f Failure
		for range times {
			f = f.Again(v1alpha1.ReasonCAPUnavailable, "m", noon.Add(-ago), time.Time{}, schedule.DefaultRetryRhythm)
		}
		in.Memory.Roles["r"] = f
	}
}

func TestDecide_AsksOncePerRoleTheMostImportantFirst(t *testing.T) {
	in := anInput(map[types.NamespacedName]Observation{
		storage: fresh("r", 2*time.Hour), machines: fresh("r", 2*time.Hour), ingress: fresh("r", 2*time.Hour), registry: fresh("r", 2*time.Hour),
		ref("other", "s"): fresh("r", 2*time.Hour),
	})
	for i := range in.Targets {
		if in.Targets[i].Ref == storage || in.Targets[i].Ref == machines {
			in.Targets[i].SpecRole = "m"
		}
	}
	p := Decide(in)
	var roles []string
	for _, f := range p.Fetches {
		roles = append(roles, f.Role)
	}
	if !slices.Equal(roles, []string{"m", "r"}) {
		t.Errorf("roles are requested in the order %v, want m (machine-api) before r", roles)
	}
	var refs []types.NamespacedName
	for _, r := range p.Rows {
		refs = append(refs, r.Ref)
	}
	if want := []types.NamespacedName{machines, ingress, registry, storage, ref("other", "s")}; !slices.Equal(refs, want) {
		t.Errorf("the order is %v, want %v", refs, want)
	}
	if n := len(p.Fetches[0].Rows); n != 2 {
		t.Errorf("role m is for %d Secrets, want 2", n)
	}
}

func TestDecide_TakesACredentialFromAnotherSecretOfTheRoleRatherThanFromThePortal(t *testing.T) {
	tests := map[string]struct {
		needy   Observation
		sibling Observation
		copies  int
		fetches int
	}{
		"for a Secret that was deleted":           {Observation{Known: true}, fresh("r", 20*time.Minute), 1, 0},
		"for a Secret that was edited":            {with(fresh("r", 0), func(o *Observation) { o.Hash = "x" }), fresh("r", 20*time.Minute), 1, 0},
		"for the rest of a round that was killed": {fresh("r", 40*time.Minute), fresh("r", time.Minute), 1, 0},
		"not from one that is due soon itself":    {fresh("r", 40*time.Minute), fresh("r", 20*time.Minute), 0, 1},
		"not from one that is older, however long it lives": {fresh("r", 40*time.Minute), with(fresh("r", 2*time.Hour), func(o *Observation) {
			o.Bookkeeping.ExpiresAt = noon.Add(10 * time.Hour)
		}), 0, 1},
		"not from one that is due":         {Observation{Known: true}, fresh("r", 31*time.Minute), 0, 1},
		"not from one that was edited":     {Observation{Known: true}, with(fresh("r", 0), func(o *Observation) { o.Hash = "x" }), 0, 1},
		"not from one with another role's": {Observation{Known: true}, fresh("another", 0), 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := Decide(anInput(map[types.NamespacedName]Observation{machines: test.needy, registry: test.sibling}))
			if len(p.Copies) != test.copies || len(p.Fetches) != test.fetches {
				t.Errorf("%d copies and %d fetches, want %d and %d", len(p.Copies), len(p.Fetches), test.copies, test.fetches)
			}
		})
	}
}

func TestDecide_BringsSecretsOfARoleBackIntoStep(t *testing.T) {
	p := Decide(anInput(map[types.NamespacedName]Observation{
		machines: fresh("r", 31*time.Minute), registry: fresh("r", 16*time.Minute), storage: fresh("r", 5*time.Minute),
	}))
	// The storage's is too young to be changed without need, and young enough to be given to the others.
	if len(p.Fetches) != 0 || len(p.Copies) != 1 || len(p.Copies[0].Rows) != 1 {
		t.Fatalf("plan: %+v", p)
	}
	p = Decide(anInput(map[types.NamespacedName]Observation{machines: fresh("r", 31*time.Minute), registry: fresh("r", 16*time.Minute)}))
	if len(p.Fetches) != 1 || len(p.Fetches[0].Rows) != 2 {
		t.Errorf("the Secret that would be due soon was not taken along: %+v", p.Fetches)
	}
	edited := with(fresh("r", 0), func(o *Observation) { o.Hash = "x" })
	p = Decide(anInput(map[types.NamespacedName]Observation{machines: edited, registry: fresh("r", 31*time.Minute)}))
	if len(p.Fetches) != 1 || len(p.Fetches[0].Rows) != 2 {
		t.Errorf("want one question for both that need it: %+v", p.Fetches)
	}
}

func TestDecide_WakesWhenTheNextThingIsDue(t *testing.T) {
	in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", 10*time.Minute), registry: fresh("r", 5*time.Minute)})
	if p := Decide(in); !p.Wake.Equal(noon.Add(20 * time.Minute)) {
		t.Errorf("it wakes at %s, want in 20 minutes", p.Wake)
	}
	in.RequestedAt = noon.Add(time.Minute)
	if p := Decide(in); !p.Wake.Equal(in.RequestedAt) {
		t.Errorf("it wakes at %s, want at the request", p.Wake)
	}
	if p := Decide(anInput(map[types.NamespacedName]Observation{machines: {Known: true, NamespaceMissing: true}})); !p.Wake.IsZero() {
		t.Errorf("it wakes at %s, but only an event can help", p.Wake)
	}
}

// An answer wakes the set. A round that is due at once would be followed by another one, a hundred times a second for as long as CAP hangs.
func TestDecide_WhileAnswersAreAwaitedNoRoundIsDueAtOnce(t *testing.T) {
	one, two, three := types.NamespacedName{Name: "one"}, types.NamespacedName{Name: "two"}, types.NamespacedName{Name: "three"}
	for name, c := range map[string]struct {
		flying     map[string]bool
		concurrent int32
		wake       time.Time
	}{
		"two Secrets of the role that is awaited":          {flying: map[string]bool{"r": true, "s": true}},
		"another role, and no more may be asked at a time": {flying: map[string]bool{"r": true}, concurrent: 1},
		"another role, and more may be asked":              {flying: map[string]bool{"r": true}, concurrent: 2, wake: noon},
	} {
		t.Run(name, func(t *testing.T) {
			due := fresh("r", 31*time.Minute)
			other := with(due, func(o *Observation) { o.Bookkeeping.Role = "s" })
			in := anInput(map[types.NamespacedName]Observation{one: due, two: due, three: other})
			in.Targets[slices.IndexFunc(in.Targets, func(t Target) bool { return t.Ref == three })].DefaultRole = "s"
			in.Flying, in.Spec.Endpoint.MaxConcurrentRequests = c.flying, c.concurrent
			if got := Decide(in).Wake; !got.Equal(c.wake) {
				t.Errorf("the next round is due at %v, want %v", got, c.wake)
			}
		})
	}
}

func TestDecide_IsTheSameForTheSameInput(t *testing.T) {
	in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", 10*time.Minute), registry: fresh("r", 50*time.Minute)})
	in.Spec.Refresh.JitterPercent = ptr.To[int32](40)
	first := Decide(in)
	for range 10 {
		if p := Decide(in); !p.Rows[0].Next.Equal(first.Rows[0].Next) {
			t.Fatal("the jitter changes")
		}
	}
}

func TestDecide_TriesMoreOftenAsTheExpiryNears(t *testing.T) {
	wait := func(age time.Duration) time.Duration {
		in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", age)})
		failing(0, 20)(&in)
		return Decide(in).Rows[0].Next.Sub(noon)
	}
	if early, late := wait(31*time.Minute), wait(59*time.Minute); late >= early || late <= 0 {
		t.Errorf("29 minutes before the expiry it waits %s, a minute before it %s", early, late)
	}
}

func TestDecide_AFightWaitsLongerEachTime(t *testing.T) {
	edited := with(fresh("r", time.Minute), func(o *Observation) { o.Hash = "x"; o.Writer = "argocd" })
	in := anInput(map[types.NamespacedName]Observation{machines: edited})
	for i := range FightAfter {
		if p := Decide(in); len(p.Fetches) != 1 {
			t.Fatalf("edit %d was not set right at once", i+1)
		}
		in.Memory.Healed(machines, "w", in.Now)
	}
	var waits []time.Duration
	for range 4 {
		p := Decide(in)
		if len(p.Fetches) != 0 || p.Rows[0].Result != v1alpha1.ReasonWriterFight || !p.Rows[0].Fighting {
			t.Fatalf("a fight goes on: %+v", p.Rows[0])
		}
		waits = append(waits, p.Rows[0].Next.Sub(in.Now))
		in.Now = p.Rows[0].Next
		if p := Decide(in); len(p.Fetches) != 1 {
			t.Fatal("the Secret is never set right again")
		}
		in.Memory.Healed(machines, "w", in.Now)
	}
	if !slices.IsSorted(waits) || waits[0] >= waits[3] {
		t.Errorf("the waits do not grow: %v", waits)
	}
	in.Now = in.Now.Add(time.Hour)
	in.Secrets[machines] = with(edited, func(o *Observation) {
		o.Bookkeeping.RefreshedAt, o.Bookkeeping.ExpiresAt = in.Now, in.Now.Add(time.Hour)
	})
	if p := Decide(in); len(p.Fetches) != 1 || p.Rows[0].Fighting {
		t.Error("a fight of an hour ago is still held against an edit")
	}
}

func TestDecide_AConfirmedCredentialIsNotAskedForAllTheTime(t *testing.T) {
	// The portal has just said that a Secret that is due holds what it would give out now.
	in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", 40*time.Minute)})
	in.Memory.Confirmed[machines] = Confirmation{Hash: "h", Role: "r", Expiry: v1alpha1.ExpiryTold, FetchedAt: noon, ExpiresAt: noon.Add(20 * time.Minute)}
	p := Decide(in)
	if len(p.Fetches) != 0 || !p.Rows[0].Next.Equal(noon.Add(10*time.Minute)) {
		t.Errorf("next at %s, want at half of what is left", p.Rows[0].Next)
	}
	in.Memory.Confirmed[machines] = Confirmation{Hash: "h", Role: "r", Expiry: v1alpha1.ExpiryTold, FetchedAt: noon, ExpiresAt: noon.Add(2 * time.Second)}
	in.Now = noon.Add(1500 * time.Millisecond)
	if p = Decide(in); len(p.Fetches) != 0 || p.Rows[0].Result != v1alpha1.ReasonFresh {
		t.Errorf("the requests to a portal without a new credential become more frequent: %+v", p.Rows[0])
	}
	if !p.Wake.Equal(noon.Add(2 * time.Second)) {
		t.Errorf("it wakes at %s, want when the credential expires", p.Wake)
	}
	in.Now = noon.Add(3 * time.Second)
	if p = Decide(in); len(p.Fetches) != 1 {
		t.Error("an expired credential is not requested")
	}
	in.Memory.Confirmed[machines] = Confirmation{Hash: "other", Role: "r", FetchedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	if p = Decide(in); len(p.Fetches) != 1 {
		t.Error("the confirmation of another content counts")
	}
}

func TestDecide_APortalThatGivesOutDeadlyShortLivesIsNotAskedAllTheTime(t *testing.T) {
	in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", 2*time.Hour)})
	in.Memory.Fetched["r"] = noon.Add(-time.Second)
	if p := Decide(in); len(p.Fetches) != 0 || !p.Rows[0].Next.Equal(noon.Add(time.Second)) {
		t.Errorf("next at %s, want 2 seconds after the last one", p.Rows[0].Next)
	}
}

func TestDecide_APortalThatIsAskedForOneSecretServesAllOfItsRole(t *testing.T) {
	// The one that has nothing is more urgent than the one that still lives for long.
	in := anInput(map[types.NamespacedName]Observation{machines: {Known: true}, registry: fresh("r", 31*time.Minute)})
	failing(100*time.Second, 20)(&in)
	if p := Decide(in); len(p.Fetches) != 1 || len(p.Fetches[0].Rows) != 2 {
		t.Errorf("fetches: %+v", p.Fetches)
	}
}

func TestDecide_WithoutAUsableCertificateADeletedSecretStillGetsWhatAnotherHas(t *testing.T) {
	in := anInput(map[types.NamespacedName]Observation{machines: {Known: true}, registry: fresh("r", time.Minute), storage: fresh("s", 0)})
	in.Hold = &Hold{Reason: v1alpha1.ReasonCertificateExpired, Message: "m", Fetching: true}
	for i := range in.Targets {
		if in.Targets[i].Ref == storage {
			in.Targets[i].SpecRole = "another"
		}
	}
	p := Decide(in)
	if len(p.Copies) != 1 || len(p.Copies[0].Rows) != 1 || len(p.Fetches) != 0 {
		t.Errorf("copies %+v, fetches %+v", p.Copies, p.Fetches)
	}
	for _, r := range p.Rows {
		if r.Ref == storage && (r.Result != v1alpha1.ReasonCertificateExpired || !r.Next.IsZero()) {
			t.Errorf("a row without a possible action: %s, next at %s", r.Result, r.Next)
		}
	}
	in.Hold.Fetching = false
	if p = Decide(in); len(p.Copies) != 0 {
		t.Error("a set that is suspended writes")
	}
}

// The role map may be changed while the old role's credential is in use: that one dies when it always would have.
func TestDecide_KnowsHowLongTheCredentialOfAFormerRoleLives(t *testing.T) {
	expires := noon.Add(10 * time.Second)
	in := anInput(map[types.NamespacedName]Observation{machines: fresh("former", time.Hour-10*time.Second)})
	failing(0, 20)(&in)
	if row := Decide(in).Rows[0]; row.Why != whyRoleChanged || !row.ExpiresAt.Equal(expires) || row.Next.After(expires) {
		t.Errorf("why %q, expires at %s, tried again at %s: want the expiry %s, and a try before it", row.Why, row.ExpiresAt, row.Next, expires)
	}
	in.Targets[0].DefaultRole = ""
	if row := Decide(in).Rows[0]; row.Result != v1alpha1.ReasonNoRole || !row.ExpiresAt.Equal(expires) {
		t.Errorf("without a role: %s, expires at %s, want the expiry %s", row.Result, row.ExpiresAt, expires)
	}
	in.Secrets[machines] = with(in.Secrets[machines], func(o *Observation) { o.Hash = "edited" })
	if row := Decide(in).Rows[0]; !row.ExpiresAt.IsZero() {
		t.Errorf("another writer's credential is shown to expire at %s", row.ExpiresAt)
	}
}

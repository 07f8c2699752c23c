package plan

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// What STS has taught counts where it is less than what is assumed, but never as less than a minute.
func TestAssumed_IsTheSpecsOrWhatWasLearned(t *testing.T) {
	for _, row := range []struct{ spec, learned, want time.Duration }{
		{0, 0, time.Hour},
		{30 * time.Minute, 0, 30 * time.Minute},
		{30 * time.Minute, 10 * time.Minute, 10 * time.Minute},
		{30 * time.Minute, 2 * time.Hour, 30 * time.Minute},
		{0, 10 * time.Second, time.Minute},
	} {
		spec, m := &v1alpha1.CAPCredentialSetSpec{}, NewMemory()
		if m.Learned = row.learned; row.spec > 0 {
			spec.Refresh.AssumedLifetime = &metav1.Duration{Duration: row.spec}
		}
		if got := Assumed(spec, m); got != row.want {
			t.Errorf("the spec says %s, and learned is %s: %s, want %s", row.spec, row.learned, got, row.want)
		}
	}
}

func TestExpiry_IsUntilWhenACredentialCanBeReliedOn(t *testing.T) {
	early, late := noon.Add(20*time.Minute), noon.Add(9*time.Hour)
	for name, row := range map[string]struct {
		knowledge      v1alpha1.ExpiryKnowledge
		fetched, noted time.Time
		want           time.Time
	}{
		"told":                                {v1alpha1.ExpiryTold, noon, late, late},
		"without a zone, and late":            {v1alpha1.ExpiryZoneless, noon, late, noon.Add(time.Hour)},
		"without a zone, and early":           {v1alpha1.ExpiryZoneless, noon, early, early},
		"unreadable: half of what is assumed": {v1alpha1.ExpiryUnreadable, noon, late, noon.Add(30 * time.Minute)},
		"assumed":                             {v1alpha1.ExpiryAssumed, noon, late, noon.Add(time.Hour)},
		"nobody knows when it was fetched":    {v1alpha1.ExpiryAssumed, time.Time{}, late, late},
	} {
		in := Input{Spec: &v1alpha1.CAPCredentialSetSpec{}, Memory: NewMemory()}
		if got := in.expiry(row.knowledge, row.fetched, row.noted); !got.Equal(row.want) {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

func TestOutlives_OnlyByTwoExpiriesThatWereTold(t *testing.T) {
	for _, row := range []struct {
		has, comes v1alpha1.ExpiryKnowledge
		expires    time.Duration // of the new one, after the old one
		want       bool
	}{
		{v1alpha1.ExpiryTold, v1alpha1.ExpiryTold, -time.Second, true},
		{v1alpha1.ExpiryTold, v1alpha1.ExpiryTold, 0, true},
		{v1alpha1.ExpiryTold, v1alpha1.ExpiryTold, time.Second, false},
		{v1alpha1.ExpiryAssumed, v1alpha1.ExpiryTold, -time.Second, false},
		{v1alpha1.ExpiryTold, v1alpha1.ExpiryAssumed, -time.Second, false},
	} {
		r := Row{Expiry: row.has, ExpiresAt: noon}
		if got := r.Outlives(row.comes, noon.Add(row.expires)); got != row.want {
			t.Errorf("%s against %s, %s later: outlives %v", row.has, row.comes, row.expires, got)
		}
	}
}

// A credential is shown to STS a few times in its life, each content once.
func TestCheck_ShowsEachContentToSTSAFewTimesInItsLife(t *testing.T) {
	asked := func(ago time.Duration) func(*Input) {
		return func(in *Input) { in.Memory.Asked["h"] = noon.Add(-ago) }
	}
	only := func(o Observation) map[types.NamespacedName]Observation {
		return map[types.NamespacedName]Observation{machines: o}
	}
	for name, row := range map[string]struct {
		secrets map[types.NamespacedName]Observation
		change  func(*Input)
		checks  int
		wake    time.Duration // at the latest
	}{
		"never":                   {only(fresh("r", 0)), nil, 1, 30 * time.Minute},
		"a moment ago":            {only(fresh("r", 0)), asked(time.Minute), 0, 14 * time.Minute},
		"a quarter of a life ago": {only(fresh("r", 0)), asked(15 * time.Minute), 1, 30 * time.Minute},
		"in the future":           {only(fresh("r", 0)), asked(-time.Hour), 1, 30 * time.Minute},
		"two with the same":       {map[types.NamespacedName]Observation{machines: fresh("r", 0), registry: fresh("r", 0)}, nil, 1, 30 * time.Minute},
		"two with others": {map[types.NamespacedName]Observation{machines: fresh("r", 0), registry: with(fresh("r", 0), func(o *Observation) {
			o.Hash, o.Bookkeeping.Hash = "g", "g"
		})}, nil, 2, 30 * time.Minute},
		"nothing is known of it": {only(Observation{Known: true, Found: true, Usable: true, Hash: "h"}), nil, 0, 0},
		"it has no life":         {only(with(fresh("r", 0), func(o *Observation) { o.Bookkeeping.ExpiresAt = noon })), nil, 0, 0},
		"it is not whole": {only(with(fresh("r", 0), func(o *Observation) { o.Usable = false })), func(in *Input) {
			in.Memory.Confirmed[machines] = Confirmation{Hash: "h", Role: "r", FetchedAt: noon, ExpiresAt: noon.Add(time.Hour)}
		}, 0, 0},
		"it is refused":                {only(fresh("r", 0)), func(in *Input) { in.Memory.Refused["h"] = true }, 0, 0},
		"an older set has it":          {only(fresh("r", 0)), func(in *Input) { in.Targets[0].Holder = "older" }, 0, -1},
		"the spec does not ask for it": {only(fresh("r", 0)), func(in *Input) { in.Checking = false }, 0, 30 * time.Minute},
		"nothing may be done":          {only(fresh("r", 0)), func(in *Input) { in.Hold = &Hold{Reason: "R"} }, 0, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			in := anInput(row.secrets)
			in.Checking = true
			if row.change != nil {
				row.change(&in)
			}
			p := Decide(in)
			if len(p.Checks) != row.checks || row.wake > 0 && !p.Wake.Equal(noon.Add(row.wake)) || row.wake < 0 && !p.Wake.IsZero() {
				t.Errorf("%d checks, and the next round at %s", len(p.Checks), p.Wake)
			}
		})
	}
}

func TestEarlier_ZeroIsNoTime(t *testing.T) {
	later := noon.Add(time.Second)
	for _, row := range []struct{ a, b, want time.Time }{{noon, later, noon}, {later, noon, noon}, {noon, time.Time{}, noon}, {time.Time{}, noon, noon}, {}} {
		if got := Earlier(row.a, row.b); !got.Equal(row.want) {
			t.Errorf("of %s and %s: %s", row.a, row.b, got)
		}
	}
}

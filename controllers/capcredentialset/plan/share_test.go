package plan

import (
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// roles gives targets roles of their own.
func roles(in *Input, of map[types.NamespacedName]string) {
	for i := range in.Targets {
		if role, ok := of[in.Targets[i].Ref]; ok {
			in.Targets[i].SpecRole = role
		}
	}
}

// sources are from which row each row gets a copy, by the names; "memory" for the process.
func sources(p Plan) map[types.NamespacedName]string {
	from := map[types.NamespacedName]string{}
	for _, c := range p.Copies {
		name := "memory"
		if c.From >= 0 {
			name = p.Rows[c.From].Ref.Namespace
		}
		for _, i := range c.Rows {
			from[p.Rows[i].Ref] = name
		}
	}
	return from
}

func held(fetched, life time.Duration) Held {
	return Held{FetchedAt: noon.Add(-fetched), ExpiresAt: noon.Add(life), Expiry: v1alpha1.ExpiryTold}
}

func TestDecide_GivesTheFreshestOfEachRole(t *testing.T) {
	none := Observation{Known: true}
	in := anInput(map[types.NamespacedName]Observation{
		machines: none, ingress: none, registry: fresh("r", time.Minute), storage: fresh("r", 20*time.Minute), ref("a", "s"): none, ref("b", "s"): fresh("s", 0), ref("c", "s"): none,
	})
	roles(&in, map[types.NamespacedName]string{ref("a", "s"): "s", ref("b", "s"): "s", ref("c", "s"): "s"})
	p := Decide(in)
	got := sources(p)
	if len(p.Copies) != 2 || len(p.Fetches) != 0 || got[machines] != registry.Namespace || got[ingress] != registry.Namespace || got[ref("a", "s")] != "b" || got[ref("c", "s")] != "b" {
		t.Errorf("copies are from %v", got)
	}
}

func TestDecide_GivesOnlyWhatIsFreshAndTheSetsOwn(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Input)
		copies int
	}{
		"as long as it was not due for a while": {func(in *Input) { in.Secrets[registry] = fresh("r", 15*time.Minute) }, 1},
		"not once it is due sooner than that":   {func(in *Input) { in.Secrets[registry] = fresh("r", 15*time.Minute+time.Second) }, 0},
		"not from what an older set has, even to a Secret that has nothing": {func(in *Input) {
			in.Secrets[machines] = Observation{Known: true}
			in.Targets[slices.IndexFunc(in.Targets, func(t Target) bool { return t.Ref == registry })].Holder = "older"
		}, 0},
	} {
		in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", 40*time.Minute), registry: fresh("r", 0)})
		row.change(&in)
		if p := Decide(in); len(p.Copies) != row.copies || len(p.Fetches) != 1-row.copies {
			t.Errorf("%s: %d copies and %d fetches", name, len(p.Copies), len(p.Fetches))
		}
	}
}

// What the process has fetched is as good as what is in a Secret.
func TestDecide_GivesWhatTheProcessHolds(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Input)
		from   string // "" if CAP is asked
	}{
		"fresh":                      {func(*Input) {}, "memory"},
		"due for a refresh":          {func(in *Input) { in.Memory.Held["r"] = held(31*time.Minute, 29*time.Minute) }, ""},
		"older than a request":       {func(in *Input) { in.RequestedAt = noon.Add(-time.Second) }, ""},
		"of another role":            {func(in *Input) { in.Memory.Held = map[string]Held{"s": held(time.Minute, time.Hour)} }, ""},
		"a Secret has a fresher one": {func(in *Input) { in.Secrets[registry] = fresh("r", time.Second) }, registry.Namespace},
		"a Secret has an older one":  {func(in *Input) { in.Secrets[registry] = fresh("r", 20*time.Minute) }, "memory"},
	} {
		in := anInput(map[types.NamespacedName]Observation{machines: {Known: true}, registry: {Known: true, NotOpaque: true, Found: true}})
		in.Memory.Held["r"] = held(time.Minute, 59*time.Minute)
		row.change(&in)
		p := Decide(in)
		if got := sources(p)[machines]; got != row.from || (row.from == "") != (len(p.Fetches) == 1) {
			t.Errorf("%s: from %q, and %d fetches", name, got, len(p.Fetches))
		}
	}
}

// While CAP cannot be asked, a Secret that has nothing gets what the process holds, as long as it works.
func TestDecide_WithoutCAPASecretThatHasNothingGetsWhatStillWorks(t *testing.T) {
	none := Observation{Known: true}
	for name, row := range map[string]struct {
		secret Observation
		change func(*Input)
		copied bool
	}{
		"there is none":               {none, failing(0, 20), true},
		"it was edited":               {with(fresh("r", 45*time.Minute), func(o *Observation) { o.Hash = "x" }), failing(0, 20), true},
		"the answer is awaited":       {none, func(in *Input) { in.Flying = map[string]bool{"r": true} }, true},
		"CAP is asked now":            {none, func(*Input) {}, false},
		"it still works":              {fresh("r", 45*time.Minute), failing(0, 20), false},
		"what is held has ended":      {none, func(in *Input) { failing(0, 20)(in); in.Memory.Held["r"] = held(time.Hour, 0) }, false},
		"nothing is held":             {none, func(in *Input) { failing(0, 20)(in); clear(in.Memory.Held) }, false},
		"what has ended ended later":  {fresh("r", 2*time.Hour), func(in *Input) { failing(0, 20)(in); in.Memory.Held["r"] = held(3*time.Hour, -2*time.Hour) }, false},
		"it is refused, and lives on": {fresh("r", 5*time.Minute), func(in *Input) { failing(0, 20)(in); in.Memory.Refused["h"] = true }, false},
	} {
		in := anInput(map[types.NamespacedName]Observation{machines: row.secret})
		in.Memory.Held["r"] = held(40*time.Minute, 20*time.Minute)
		row.change(&in)
		p := Decide(in)
		if got := sources(p)[machines] == "memory"; got != row.copied {
			t.Errorf("%s: it gets what the process holds: %v (%q)", name, got, p.Rows[0].Why)
		}
	}
}

// What would be due soon goes along with a request for its role, and nothing else does.
func TestDecide_TakesAlongWhatIsAlmostDue(t *testing.T) {
	for name, row := range map[string]struct {
		secret Observation
		change func(*Input)
		joins  bool
	}{
		"in the second half":   {fresh("r", 15*time.Minute+time.Second), nil, true},
		"at the half":          {fresh("r", 15*time.Minute), nil, false},
		"of another role":      {fresh("s", 20*time.Minute), func(in *Input) { roles(in, map[types.NamespacedName]string{registry: "s"}) }, false},
		"somebody else's data": {Observation{Known: true, Found: true, Foreign: true}, nil, false},
		"it could not be written a moment ago": {fresh("r", 40*time.Minute), func(in *Input) {
			in.Memory.Writes[registry] = Failure{}.Again(v1alpha1.ReasonForbidden, "m", noon, time.Time{}, WriteRhythm)
		}, false},
	} {
		in := anInput(map[types.NamespacedName]Observation{machines: fresh("r", 40*time.Minute), registry: row.secret})
		// The one that is due cannot have it from the other one.
		in.Secrets[machines] = with(in.Secrets[machines], func(o *Observation) {
			o.Bookkeeping.RefreshedAt = noon.Add(-time.Minute)
			o.Bookkeeping.ExpiresAt = noon.Add(10 * time.Second)
		})
		if row.change != nil {
			row.change(&in)
		}
		p := Decide(in)
		if len(p.Fetches) != 1 {
			t.Fatalf("%s: %d fetches", name, len(p.Fetches))
		}
		if got := len(p.Fetches[0].Rows) == 2; got != row.joins || got && p.Rows[1].Why != string(schedule.RefreshScheduled) {
			t.Errorf("%s: it goes along: %v, because %q", name, got, p.Rows[1].Why)
		}
	}
}

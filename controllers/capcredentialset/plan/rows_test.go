package plan

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// decided is the row of one Secret.
func decided(o Observation, change func(*Input)) Row {
	in := anInput(map[types.NamespacedName]Observation{machines: o})
	if change != nil {
		change(&in)
	}
	return Decide(in).Rows[0]
}

// Only what somebody has done to what the operator wrote, or a choice of the Secret itself, counts in a fight.
func TestRow_IsDisturbedOnlyBySomebodysEdit(t *testing.T) {
	kept := func(in *Input) { in.Memory.Kept[machines] = true }
	chosen := func(in *Input) {
		in.Targets[0].AllowedRoles, in.Targets[0].DefaultRole = []string{"r", "own"}, ""
	}
	owns := func(o *Observation) { o.Role = "own" }
	for name, row := range map[string]struct {
		secret         Observation
		change         func(*Input)
		why            string
		disturbed, set bool // setting it right counts as well
	}{
		"edited":                                     {with(fresh("r", 0), func(o *Observation) { o.Hash = "x" }), nil, WhyEdited, true, true},
		"deleted":                                    {Observation{Known: true}, kept, whyMissing, true, true},
		"never there":                                {Observation{Known: true}, nil, whyMissing, false, false},
		"the spec gives another role":                {fresh("former", 0), nil, whyRoleChanged, false, false},
		"it chooses another role":                    {with(fresh("r", 0), owns), chosen, whyRoleChanged, true, false},
		"it chooses its role, and is new":            {Observation{Known: true, Found: true, Role: "own"}, chosen, whyUnusable, false, false},
		"its bookkeeping is gone":                    {Observation{Known: true, Found: true, Usable: true, Hash: "h"}, kept, WhyEdited, true, true},
		"it never had bookkeeping":                   {Observation{Known: true, Found: true, Usable: true, Hash: "h"}, nil, whyUnknown, false, false},
		"nothing has happened to it":                 {fresh("r", 0), kept, "", false, false},
		"somebody else's data is there instead":      {Observation{Known: true, Found: true, Foreign: true, Hash: "x"}, kept, WhyEdited, true, true},
		"somebody else's data, which is handed over": {Observation{Known: true, Found: true, Foreign: true, Usable: true, Hash: "x"}, func(in *Input) { in.Targets[0].Adopt = true }, whyUnknown, false, false},
	} {
		r := decided(row.secret, row.change)
		if r.Why != row.why || r.Disturbed != row.disturbed || r.SetsRight() != row.set {
			t.Errorf("%s: %q, disturbed: %v, sets right: %v", name, r.Why, r.Disturbed, r.SetsRight())
		}
	}
	if r := decided(Observation{Known: true, Found: true, Foreign: true, Hash: "x"}, nil); r.Result != v1alpha1.ReasonSecretNotOurs {
		t.Errorf("somebody else's data: %s", r.Result)
	}
	if r := decided(Observation{Known: true, Found: true, NotOpaque: true}, nil); r.Result != v1alpha1.ReasonSecretNotOpaque {
		t.Errorf("another type: %s", r.Result)
	}
}

func TestRow_SaysWhyASecretHasNoRole(t *testing.T) {
	for says, row := range map[string]struct {
		key     string
		allowed []string
	}{
		noRoleMessage(Row{ownRole: true}):                       {"x", []string{"a"}},
		noRoleMessage(Row{Observation: Observation{Role: "x"}}): {"x", nil},
		noRoleMessage(Row{}):                                    {"", nil},
	} {
		r := decided(Observation{Known: true, Found: true, Role: row.key}, func(in *Input) { in.Targets[0].DefaultRole, in.Targets[0].AllowedRoles = "", row.allowed })
		if r.Result != v1alpha1.ReasonNoRole || r.Message != says {
			t.Errorf("key %q, allowed %q: %s, want %s", row.key, row.allowed, r.Message, says)
		}
	}
	if own, ignored, none := noRoleMessage(Row{ownRole: true}), noRoleMessage(Row{Observation: Observation{Role: "x"}}), noRoleMessage(Row{}); own == none || own == ignored || ignored == none {
		t.Error("the three causes are said in the same words")
	}
	allowed := Target{AllowedRoles: []string{"a"}}
	if got := noRoleMessage(Row{Target: allowed, Observation: Observation{Role: "x"}}); got != noRoleMessage(Row{}) {
		t.Errorf("of a key that is not ignored it says %s", got)
	}
	if FightMessage(Row{}) == FightMessage(Row{Observation: Observation{Writer: "argocd"}}) || FightMessage(Row{})[:8] != "Somebody" {
		t.Error("a writer that is known is not named, or an unknown one is")
	}
}

func TestRoleOf_SaysWhetherTheSecretHasChosen(t *testing.T) {
	for name, row := range map[string]struct {
		target Target
		key    string
		role   string
		own    bool
	}{
		"the spec names it":     {Target{SpecRole: "s", AllowedRoles: []string{"a"}, DefaultRole: "d"}, "a", "s", false},
		"an allowed key":        {Target{AllowedRoles: []string{"a"}, DefaultRole: "d"}, "a", "a", true},
		"a key that is not":     {Target{AllowedRoles: []string{"a"}, DefaultRole: "d"}, "b", "", true},
		"no key":                {Target{AllowedRoles: []string{"a"}, DefaultRole: "d"}, "", "d", false},
		"a key that is ignored": {Target{DefaultRole: "d"}, "a", "d", false},
	} {
		if role, own := row.target.roleOf(row.key); role != row.role || own != row.own {
			t.Errorf("%s: %q, its own: %v", name, role, own)
		}
	}
}

func TestLife_IsHowLongConsumersHaveAWorkingCredential(t *testing.T) {
	works := Row{Observation: Observation{Found: true, Usable: true}, ExpiresAt: noon.Add(time.Hour)}
	for name, row := range map[string]struct {
		change func(*Row)
		dead   bool
		left   time.Duration
	}{
		"it works":                {func(*Row) {}, false, time.Hour},
		"nobody knows until when": {func(r *Row) { r.ExpiresAt = time.Time{} }, false, -1},
		"there is none":           {func(r *Row) { r.Found = false }, true, 0},
		"it is not whole":         {func(r *Row) { r.Usable = false }, true, 0},
		"STS refuses it":          {func(r *Row) { r.Why = whyRefused }, true, 0},
		"it has expired now":      {func(r *Row) { r.ExpiresAt = noon }, true, 0},
	} {
		r := works
		row.change(&r)
		l := Input{Now: noon}.life(r)
		if l.dead != row.dead || row.left >= 0 && l.left(noon) != row.left || row.left < 0 && l.left(noon) <= 24*time.Hour {
			t.Errorf("%s: dead %v, %s left", name, l.dead, l.left(noon))
		}
	}
}

func TestRow_IsReadAndIsRefreshedByAnother(t *testing.T) {
	for name, row := range map[string]struct {
		r      Row
		unread bool
	}{
		"not read":      {Row{}, true},
		"read":          {Row{Observation: Observation{Known: true}}, false},
		"it may not be": {Row{Observation: Observation{Forbidden: true}}, false},
		"nobody has to": {Row{Target: Target{Holder: "older"}}, false},
	} {
		in := anInput(map[types.NamespacedName]Observation{machines: row.r.Observation, registry: fresh("r", 0)})
		in.Targets[0].Holder = row.r.Holder
		if row.r.Unread() != row.unread || Decide(in).Complete == row.unread {
			t.Errorf("%s: unread %v, and the plan is complete: %v", name, row.r.Unread(), Decide(in).Complete)
		}
	}
	planned := Row{Role: "r", Observation: fresh("r", time.Hour)}
	for name, row := range map[string]struct {
		change func(*Observation)
		want   bool
	}{
		"refreshed":                       {func(*Observation) {}, true},
		"for another role":                {func(o *Observation) { o.Bookkeeping.Role = "former" }, false},
		"and edited":                      {func(o *Observation) { o.Hash = "x" }, false},
		"and emptied":                     {func(o *Observation) { o.Usable = false }, false},
		"before":                          {func(o *Observation) { o.Bookkeeping.RefreshedAt = noon.Add(-time.Hour) }, false},
		"by somebody without bookkeeping": {func(o *Observation) { o.Bookkeeping.Hash = "" }, false},
	} {
		if got := with(fresh("r", time.Minute), row.change).RefreshedSince(planned); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestObservation_TellsWhatWasWritten(t *testing.T) {
	for name, row := range map[string]struct {
		change          func(*Observation)
		written, edited bool
	}{
		"as written":          {func(*Observation) {}, true, false},
		"edited":              {func(o *Observation) { o.Hash = "x" }, false, true},
		"without bookkeeping": {func(o *Observation) { o.Bookkeeping.Hash, o.Hash = "", "" }, false, false},
		"gone":                {func(o *Observation) { o.Found, o.Hash = false, "" }, false, false},
	} {
		if o := with(fresh("r", 0), row.change); o.AsWritten() != row.written || o.Edited() != row.edited {
			t.Errorf("%s: as written %v, edited %v", name, o.AsWritten(), o.Edited())
		}
	}
	b := fresh("r", 0).Bookkeeping
	if got := ReadBookkeeping(b.Annotations("set", "seal")); got.Role != "r" || !got.RefreshedAt.Equal(b.RefreshedAt) || !got.ExpiresAt.Equal(b.ExpiresAt) || got.Expiry != b.Expiry {
		t.Errorf("what is written as %+v is read as %+v", b, got)
	}
	if at := ParseTime("2026-11-20T12:00:00"); !at.IsZero() {
		t.Errorf("what is no time is %s", at)
	}
}

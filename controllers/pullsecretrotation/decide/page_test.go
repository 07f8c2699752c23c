package decide

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the page instead of comparing it")

const page = "../../../docs/development.md"

// chains are all chains, in the order of the page.
var chains = []struct {
	title string
	chain chain
}{
	{"Whatever goes on", wayIn},
	{"No Pod is left", tidy},
	{"Proving the old credentials dead", proveDead},
	{"Between rotations", betweenRotations},
	{"Health check", proveInUse},
	{"Old entries", oldEntries},
	{"Healing", healing},
	{"Late entries", late},
	{"A late entry", bringLate},
	{"Account", oneAccount},
	{"Same owner", sameOwner},
	{"No other owner", noOtherOwner},
	{"Audit", audit},
	{"Joining", join},
	{"Catching up", catchUp},
	{"Bringing it again", again},
	{"Gate", mayRequest},
	{"Holds", holds},
	{"Seeing a rotation through", seeThrough},
	{"Requesting", requesting},
	{"Awaiting new credentials", awaitingIssue},
	{"Vanished", vanished},
	{"Receiving", receive},
	{"Delivering", delivering},
	{"Applying", applying},
	{"After the write", afterApply},
	{"Asking the machines", probeMachines},
	{"Judging what is applied", judgeApplied},
	{"Judging a refused machine", judgeProbe},
	{"Rolling back", rollBack},
	{"Issued again", reissue},
	{"Awaiting revocation", awaitingRevocation},
	{"Setting it again", setAgain},
}

// facts are all needs, in the order of the page.
var facts = []*need{
	needCluster, needTargets, needRights, needPools, needMachines, needAccount, needOwner, needSiblings, needRotations, needIssued, needOffer, needBackup, needChecks, needIssuedChecks,
	needBackupChecks, needOldChecks, needProbes, needProbeChecks,
}

// The page is read by people who change these chains, and by those who ask what the operator costs OCM.
func TestThePage_ShowsWhatEachDecisionAsks(t *testing.T) {
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- The chains begin here. -->\n", "<!-- The chains end here. -->\n"
	before, rest, ok := strings.Cut(string(raw), begin)
	shown, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s does not have the lines between which the chains are", page)
	}
	want := "\n" + table() + "\n"
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != want {
		t.Errorf("%s does not show the chains as they are. Write them with: go test ./controllers/pullsecretrotation/decide -run ThePage -update", page)
	}
}

// The lists above must be complete.
func TestThePage_HasEveryChainAndEveryFact(t *testing.T) {
	seen, asked := map[*rule]bool{}, map[*need]bool{}
	var follow func(chain)
	follow = func(c chain) {
		if titleOf(c) == "" {
			t.Errorf("the chain that begins with %q is not on the page", c[0].why)
		}
		if seen[&c[0]] {
			return
		}
		seen[&c[0]] = true
		for _, r := range c {
			if r.why == "" || r.check == nil && len(r.then) == 0 && len(r.needs) == 0 || r.check != nil && r.then != nil {
				t.Errorf("a rule of %q says %q and is not one of a check, a chain or a fact", titleOf(c), r.why)
			}
			for _, n := range r.needs {
				asked[n] = true
			}
			if r.then != nil {
				follow(r.then)
			}
		}
	}
	follow(wayIn)
	if len(seen) != len(chains) || len(asked) != len(facts) {
		t.Errorf("%d chains and %d facts are reached; the page has %d and %d", len(seen), len(asked), len(chains), len(facts))
	}
}

func titleOf(c chain) string {
	for _, known := range chains {
		if &known.chain[0] == &c[0] {
			return known.title
		}
	}
	return ""
}

func table() string {
	var out strings.Builder
	out.WriteString("| Fact, by the step that finds it out | Asks |\n|---|---|\n")
	for _, n := range facts {
		fmt.Fprintf(&out, "| `%s` | %s |\n", n.step, n.asks)
	}
	for _, c := range chains {
		fmt.Fprintf(&out, "\n**%s**\n\n| Because | Needs | Decides |\n|---|---|---|\n", c.title)
		for _, r := range c.chain {
			fmt.Fprintf(&out, "| %s | %s | %s |\n", r.why, needed(r), decides(r))
		}
	}
	return out.String()
}

func needed(r rule) string {
	list := make([]string, 0, len(r.needs))
	for _, n := range r.needs {
		list = append(list, "`"+string(n.step)+"`")
	}
	return strings.Join(list, ", ")
}

// decides is a rule's next chain, its step, or its function.
func decides(r rule) string {
	if r.then != nil {
		return "*" + titleOf(r.then) + "*"
	}
	if r.check == nil {
		return ""
	}
	name := runtime.FuncForPC(reflect.ValueOf(r.check).Pointer()).Name()
	name = name[strings.LastIndex(name, "/decide.")+len("/decide."):]
	if strings.Contains(name, "does.") { // a closure, named after where it was made
		return "`" + string(r.check(Input{}).Step) + "`"
	}
	return "`" + name + "()`"
}

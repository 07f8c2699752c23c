package pullsecret

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

func TestSimulate(t *testing.T) {
	count := history.Explore(t, "pullsecret", 1000, run(nil))
	t.Log("decisions not met:", count.Missing(t, history.Decisions, "../../../controllers/pullsecretrotation/decide/decide.go", "", "", `\bStep += "([A-Za-z]+)"`),
		"\nreasons not met:", count.Missing(t, history.Reasons, "../../../api/v1alpha1/conditions.go", "", "// Reasons of CAPCredentialSet", `Reason[A-Za-z]+ += "([A-Za-z]+)"`))
}

// A seed that fails is worth as much as its shortest history.
func TestAPlantedDefectIsReportedWithItsShortestPrefix(t *testing.T) {
	stage.CheckReport(t, "pullsecret", run(&stage.Mutation{Patch: stage.Without("resourceVersion")}), 15)
}

func TestASeedGivesTheSameJournalEachTime(t *testing.T) { stage.CheckReplay(t, run(nil), 1, 2) }

func TestAPrefixOfAHistoryIsTheHistoryOfFewerSteps(t *testing.T) { stage.CheckPrefix(t, run(nil), 7) }

func TestAProcessHoldsNoMoreAfterWeeks(t *testing.T) { stage.CheckGrowth(t, begin) }

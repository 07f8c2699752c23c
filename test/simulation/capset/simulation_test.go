package capset

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

func TestSimulate(t *testing.T) {
	count := history.Explore(t, "capset", 1000, run(nil))
	t.Log("reasons not met:", count.Missing(t, history.Reasons, "../../../api/v1alpha1/conditions.go", "// Reasons of CAPCredentialSet", "", `Reason[A-Za-z]+ += "([A-Za-z]+)"`))
}

// A seed that fails is worth as much as its shortest history.
func TestAPlantedDefectIsReportedWithItsShortestPrefix(t *testing.T) {
	stage.CheckReport(t, "capset", run(&stage.Mutation{Patch: ofSecrets(stage.Without("resourceVersion"))}), 20)
}

func TestASeedGivesTheSameJournalEachTime(t *testing.T) { stage.CheckReplay(t, run(nil), 1, 2) }

func TestAProcessHoldsNoMoreAfterWeeks(t *testing.T) { stage.CheckGrowth(t, begin) }

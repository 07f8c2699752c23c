package pullsecret

import (
	"context"
	"fmt"
	"os"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// noSecretGotOut searches for every secret that OCM and the registries issued in this test, and for personal data: in the operator's
// log at its most verbose level, its metrics, events, and all objects except the content of Secrets.
func (w *world) noSecretGotOut() {
	w.t.Helper()
	canaries := harness.Canaries{}
	for i, c := range append(w.ocm.Canaries(), w.registry.Canaries()...) {
		canaries[fmt.Sprintf("canary %d", i)] = c
	}
	for i, c := range w.ocm.Private() {
		canaries[fmt.Sprintf("name or address %d", i)] = c
	}
	log, err := harness.ReadLog(w.config.Dir + "/operator.log")
	if os.IsNotExist(err) {
		return // The operator was never started.
	}
	w.must(err)
	found, err := canaries.Scan(context.Background(), cp.Client, map[string]string{"the log": string(log), "the metrics": w.metrics})
	w.must(err)
	for _, f := range found {
		w.t.Error("a secret leaked: " + f)
	}
}

package plan

import (
	"os/exec"
	"strings"
	"testing"
)

// What decides does no I/O, and knows neither a client nor the process: what it may import says so.
func TestThePlan_ImportsNothingThatTalksToAnybody(t *testing.T) {
	const ours = "github.com/openshift/credential-rotation-operator/"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	allowed := map[string]bool{"api/v1alpha1": true, "internal/schedule": true, "controllers/capcredentialset/plan": true}
	seen := 0
	for _, pkg := range strings.Fields(string(out)) {
		name, own := strings.CutPrefix(pkg, ours)
		if own {
			seen++
		}
		if own && !allowed[name] || strings.HasPrefix(pkg, "k8s.io/client-go") || strings.HasPrefix(pkg, "sigs.k8s.io/controller-runtime/pkg/client") {
			t.Errorf("plan depends on %s", pkg)
		}
	}
	if seen != len(allowed) {
		t.Errorf("%d packages of ours are among the dependencies, want %d", seen, len(allowed))
	}
}

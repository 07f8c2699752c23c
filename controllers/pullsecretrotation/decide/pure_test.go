package decide

import (
	"os/exec"
	"strings"
	"testing"
)

// The deciding code must not be able to act: this package does not depend on any client of a service. (The API's own machinery brings the types
// of HTTP with it.)
func TestThePackage_KnowsNoClientAndNoHTTP(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	const own = "github.com/openshift/credential-rotation-operator/"
	allowed := map[string]bool{own + "api/v1alpha1": true, own + "internal/command": true, own + "internal/schedule": true, own + "controllers/pullsecretrotation/decide": true}
	deps := strings.Fields(string(out))
	if len(deps) < 50 {
		t.Fatalf("go list names %d packages only", len(deps))
	}
	for _, dep := range deps {
		client := strings.HasPrefix(dep, "k8s.io/client-go") || strings.HasPrefix(dep, "github.com/openshift-online") || strings.HasPrefix(dep, "github.com/google/go-containerregistry")
		if client || strings.HasPrefix(dep, own) && !allowed[dep] {
			t.Errorf("the decisions depend on %s", dep)
		}
	}

	out, err = exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for _, direct := range strings.Fields(string(out)) {
		if strings.HasPrefix(direct, "net") || strings.HasPrefix(direct, "os") || direct == "context" || strings.HasPrefix(direct, "crypto") {
			t.Errorf("the decisions import %s", direct)
		}
	}
}

package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// bare is an API server that knows no kind at all, and counts who asks it.
func bare(t *testing.T, asked *int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		switch r.URL.Path {
		case "/api":
			simctl.WriteJSON(w, http.StatusOK, map[string]any{"kind": "APIVersions", "versions": []string{"v1"}})
		case "/apis":
			simctl.WriteJSON(w, http.StatusOK, map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{}})
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestStatus_AsksTheClusterOfTheContextAndSaysThatItHasNoOperator(t *testing.T) {
	var first, second int
	kubeconfig := filepath.Join(t.TempDir(), "config")
	content := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: first,
clusters: [{name: first, cluster: {server: %q}}, {name: second, cluster: {server: %q}}],
contexts: [{name: first, context: {cluster: first}}, {name: second, context: {cluster: second}}]}`, bare(t, &first), bare(t, &second))
	if err := os.WriteFile(kubeconfig, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	// Another kubeconfig, which the commands must not use if one is given.
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	for _, tc := range []struct {
		args []string
		// asked is the cluster that has to be asked, other the one that must not be.
		asked, other *int
	}{
		{[]string{"--kubeconfig", kubeconfig}, &first, &second},
		{[]string{"--kubeconfig", kubeconfig, "--context", "second"}, &second, &first},
	} {
		t.Run(strings.Join(tc.args[2:], " "), func(t *testing.T) {
			first, second = 0, 0
			for _, command := range forPeople() {
				if command.Name() != "status" {
					continue
				}
				_, err := run(t, command, tc.args...)
				if err == nil || !strings.Contains(err.Error(), "the operator is not installed") {
					t.Errorf("the answer is %v, want that the operator is not installed", err)
				}
			}
			if *tc.asked == 0 || *tc.other != 0 {
				t.Errorf("the first cluster was asked %d times, the second %d times", first, second)
			}
		})
	}
}

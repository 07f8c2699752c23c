package bootstrap

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/config"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

func TestInstallManifests_WritesTheMonitoringForLater(t *testing.T) {
	d, p := newInstallDir(t), startPortal(t)
	later := filepath.Join(t.TempDir(), "monitoring.yaml")
	output, err := runInstall(t, d.flags(p, "--monitoring", later)...)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(later); err != nil || !bytes.Equal(got, config.Monitoring()) {
		t.Errorf("the file is not what config/prometheus builds (%v)", err)
	}
	if !strings.Contains(output, later+": metrics and alerts") || !strings.Contains(output, "oc apply -f "+later) {
		t.Errorf("nobody is told to apply it: %s", output)
	}
	// The installation would fail over a kind that comes too late.
	for _, path := range d.ours(t) {
		if content, err := os.ReadFile(path); err != nil || bytes.Contains(content, []byte("apiVersion: monitoring.coreos.com")) {
			t.Errorf("%s has an object of monitoring (%v)", path, err)
		}
	}
}

func TestInstallManifests_SaysOnceWhatIsTrueOfManyRolesAndWhatComesNext(t *testing.T) {
	d, p := newInstallDir(t), startPortal(t)
	output, err := runInstall(t, d.flags(p, "--fetch")...)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(output, "it expires at"); n != 1 {
		t.Errorf("one expiry of several roles is said %d times: %s", n, output)
	}
	if !strings.Contains(output, "\nNext: openshift-install create cluster --dir "+filepath.Dir(d.output)+"\n") {
		t.Errorf("what comes next is not said: %s", output)
	}
}

func TestInstallManifests_ASecondRunPointsToSeed(t *testing.T) {
	d, p := newInstallDir(t), startPortal(t)
	if _, err := runInstall(t, d.flags(p)...); err != nil {
		t.Fatal(err)
	}
	if _, err := runInstall(t, d.flags(p, "--fetch")...); err == nil || !strings.Contains(err.Error(), "seed --manifests "+d.output) {
		t.Errorf("a second run with --fetch says %v", err)
	}
}

func TestSeed_SpeaksOfTheClockOfTheMachineThatItRunsOn(t *testing.T) {
	expired := strings.Replace(answerOf("r"), "2026-11-20T13", "2026-11-20T03", 1)
	_, err := readAnswer(strings.NewReader(expired), noon)
	if err == nil || !strings.Contains(err.Error(), "this machine's clock") || strings.Contains(err.Error(), "cluster") {
		t.Errorf("there is no cluster yet, and it says %v", err)
	}
	if got := beforeThereIsACluster("x by this cluster's clock."); got != "x by this machine's clock." {
		t.Error(got)
	}
}

func TestReport_QuotesWhatAPersonIsToPaste(t *testing.T) {
	i := &install{output: "/tmp/my cluster/manifests", monitoring: "$(id).yaml"}
	if text := i.next(); !strings.Contains(text, "'/tmp/my cluster'") || !strings.Contains(text, "'$(id).yaml'") {
		t.Errorf("a shell would read something else: %s", fmt.Sprintf("%q", text))
	}
}

func TestReport_SaysWhichRolesHaveWhatAndWhetherSomethingIsMissing(t *testing.T) {
	doubtful, err := readAnswer(strings.NewReader(strings.Replace(answerOf("r"), "2026-11-20T13:00:00Z", "soon", 1)), noon)
	if err != nil {
		t.Fatal(err)
	}
	sure, err := readAnswer(strings.NewReader(answerOf("r")), noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fetch       bool
		credentials map[string]awscreds.Credential
		want, warns string
	}{
		{true, map[string]awscreds.Credential{"A": doubtful, "B": doubtful, "C": sure}, "Fetched for the role C; it expires at 2026-11-20T13:00:00Z, in 1h0m0s.\n" +
			"Fetched for the roles A, B; its expiry is not known for certain.\n",
			"Warning: the roles A, B: CAP gives the expiry in a form that cannot be relied on: the credential may expire before the cluster is up\n"},
		{false, nil, "The Secrets hold no credentials yet: `credential-rotation-operator seed --manifests there` fills them, or the operator does once it runs.\n", ""},
	} {
		var out, errOut strings.Builder
		i := &install{output: "there", fetch: c.fetch, clock: testClock()}
		if i.report(&out, &errOut, nil, c.credentials); out.String() != c.want || errOut.String() != c.warns {
			t.Errorf("it says %q and warns %q, want %q and %q", out.String(), errOut.String(), c.want, c.warns)
		}
	}
}

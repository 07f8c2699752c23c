// Package demo runs the demo as a newcomer does: as a program, to its end, and with Ctrl-C in the middle.
package demo

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// The story in order: sentences that the demo prints only after it has checked them.
var story = []string{
	"Setting up",
	"the operator runs, with its service account and the rights of config/rbac",
	"1. The pull secret",
	"pullsecretrotation.rotation.openshift.io/quarterly created",
	"a baseline of the account's credentials is kept",
	"OCM has not issued new credentials yet:",
	`status of the rotation stays "pending"`,
	"replaced",
	"as before",
	"byte for byte the same as before",
	"quay.io accepts the old credential and the new one",
	"to every machine of the pools master and worker",
	"lab-berlin reports to OCM with the new credentials",
	`OCM has deleted the old credentials, and says "completed"`,
	"quay.io says about the old credential: Unauthorized; about the new one: Accepted.",
	"old dead, new alive",
	"of which 1 requested a rotation",
	"2. The AWS credentials",
	"capcredentialset.rotation.openshift.io/cap created",
	"CAP: role OpenShiftMachineAPI, role OpenShiftOperators",
	"one request for each role, one write for each Secret",
	"nothing was due, and the operator neither sent a request to CAP nor wrote anything",
	"7 Secrets, each by one write with all its keys",
	"A bad day",
	"AuthenticationRefused. CAP answered with a page instead of JSON",
	"hold byte for byte what they held before",
	"the six Secrets have new credentials",
	"3. Where the secrets are",
	"None is there.",
	"What there is now",
	"kubectl get psr,capset",
	"RotationCompleted",
	"openshift-config/pull-secret: .dockerconfigjson",
	"The demo took",
}

func TestTheDemoPrintsItsStoryWithoutSecrets(t *testing.T) {
	canariesFile := filepath.Join(t.TempDir(), "canaries")
	d := start(t, nil, "-canaries="+canariesFile)
	if code := d.wait(); code != 0 {
		t.Fatalf("it ended with %d, want 0:\n%s", code, d.output())
	}
	d.leavesNothing()

	// The demo wraps lines.
	told := strings.Join(strings.Fields(d.output()), " ")
	rest := told
	for _, sentence := range story {
		_, after, ok := strings.Cut(rest, sentence)
		if !ok {
			t.Fatalf("it does not print %q in its place:\n%s", sentence, d.output())
		}
		rest = after
	}
	if strings.Contains(told, "\x1b") {
		t.Error("the output has colours although it is not a terminal")
	}

	raw, err := os.ReadFile(canariesFile)
	if err != nil {
		t.Fatal(err)
	}
	var canaries harness.Canaries
	if err := json.Unmarshal(raw, &canaries); err != nil {
		t.Fatal(err)
	}
	// Two pull secrets, a token, three registries, six or more AWS credentials.
	if len(canaries) < 20 {
		t.Fatalf("only %d canaries: the search proves little", len(canaries))
	}
	for _, found := range canaries.Find("the demo's output", d.output()) {
		t.Error(found)
	}
}

func TestCtrlCEndsTheDemoAtAnyTimeAndLeavesNothing(t *testing.T) {
	for _, at := range []struct {
		// name of the moment.
		name string
		// line is the last output by then.
		line string
		// env is added to its environment.
		env []string
	}{
		{"while the operator is compiled", "the operator is compiled ...", []string{"OPERATOR_BINARY="}},
		{"while the control plane is starting", "etcd and kube-apiserver run, with the kinds of an OpenShift cluster ...", nil},
		{"while OCM's hours pass", "OCM has not issued new credentials yet", nil},
	} {
		t.Run(at.name, func(t *testing.T) {
			d := start(t, at.env)
			d.waitForLine(at.line)
			d.interrupt()
			// 130 is a shell's exit code for an interrupted program.
			if code := d.wait(); code != 130 {
				t.Errorf("it ended with %d, want 130:\n%s", code, d.output())
			}
			d.leavesNothing()
		})
	}
}

func TestWithKEEPTheDemoStaysUpUntilCtrlC(t *testing.T) {
	d := start(t, []string{"KEEP=1"})
	d.waitForLine("The operator's log: ")
	told := d.output()
	_, after, ok := strings.Cut(told, "export KUBECONFIG=")
	if !ok {
		t.Fatalf("it prints no kubeconfig:\n%s", told)
	}
	kubeconfig, _, _ := strings.Cut(after, "\n")
	out := d.kubectl(kubeconfig, "get", "psr,capset", "--no-headers")
	for _, part := range []string{"quarterly", "Up to date", "7/7"} {
		if !strings.Contains(out, part) {
			t.Errorf("with that kubeconfig, kubectl does not show %q:\n%s", part, out)
		}
	}
	if age := d.kubectl(kubeconfig, "get", "psr"); strings.Contains(age, "invalid") {
		t.Errorf("the pull secret is newer than now:\n%s", age)
	}
	d.breakAndMend(kubeconfig)
	d.interrupt()
	if code := d.wait(); code != 0 {
		t.Errorf("it ended with %d, want 0", code)
	}
	d.leavesNothing()
}

func TestAStoryThatDoesNotHappenFailsWithAMessageAndTheLog(t *testing.T) {
	operator := filepath.Join(t.TempDir(), "operator")
	script := "#!/bin/sh\necho 'not today' >&2\nexit 3\n"
	if err := os.WriteFile(operator, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	d := start(t, []string{"OPERATOR_BINARY=" + operator})
	if code := d.wait(); code != 1 {
		t.Errorf("it ended with %d, want 1", code)
	}
	for _, part := range []string{"The story did not happen as told.", "the operator has ended", "not today"} {
		if !strings.Contains(d.output(), part) {
			t.Errorf("it does not print %q:\n%s", part, d.output())
		}
	}
	d.leavesNothing()
}

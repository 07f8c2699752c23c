package demo

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// command returns the command that the demo prints below a line of explanation, with the printed definitions.
func (d *demo) command(why string) string {
	d.t.Helper()
	var script []string
	_, printed, _ := strings.Cut(d.output(), "export KUBECONFIG=")
	lines := strings.Split("export KUBECONFIG="+printed, "\n")
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "# "+why) {
			return strings.Join(append(script, lines[i+1]), "\n")
		}
		if name, _, ok := strings.Cut(line, "="); ok && !strings.ContainsAny(strings.TrimPrefix(name, "export "), " $") || strings.HasPrefix(line, "post()") {
			script = append(script, line)
		}
	}
	d.t.Fatalf("it prints no command for %q:\n%s", why, d.output())
	return ""
}

// sh runs it as a person does.
func (d *demo) sh(why string) string {
	d.t.Helper()
	cmd := exec.Command("sh", "-c", d.command(why))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), `"error":`) {
		d.t.Fatalf("%s: %v: %s", why, err, out)
	}
	return string(out)
}

// breakAndMend runs the demo's suggested commands and checks their effect.
func (d *demo) breakAndMend(kubeconfig string) {
	d.t.Helper()
	until := func(what string, args []string, is func(string) bool) {
		d.t.Helper()
		harness.Eventually(d.t, what, func(context.Context) error {
			if out := d.kubectl(kubeconfig, args...); !is(out) {
				return errors.New(out)
			}
			return nil
		})
	}
	has := func(part string) func(string) bool {
		return func(out string) bool { return strings.Contains(out, part) }
	}

	if out := d.sh("both objects in plain words"); !strings.Contains(out, "quarterly") {
		d.t.Errorf("status prints:\n%s", out)
	}
	d.sh("rotate again")
	history := []string{"get", "psr", "quarterly", "-o", "jsonpath={.status.history[*].id}"}
	until("a second rotation has ended", history, func(out string) bool { return len(strings.Fields(out)) == 2 })

	if _, err := exec.LookPath("curl"); err != nil {
		d.t.Log("curl was not found: the commands that break something are skipped")
		return
	}
	d.sh("CAP refuses one role")
	until("the refusal is visible", []string{"get", "capset"}, has("6/7"))
	d.sh("fixed")
	until("it has healed", []string{"get", "capset"}, has("7/7"))
}

package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// What the pages show of the commands is what they print about the objects that the same pages show.
func TestTheCommandsPrintWhatTheDocumentationShows(t *testing.T) {
	for page, tc := range map[string]struct {
		kind     string
		object   client.Object
		seen     func(o client.Object) // as the API server knows it
		now      time.Time
		commands []func(environment) *cobra.Command
	}{
		"pullsecretrotation.md": {"PullSecretRotation", &v1alpha1.PullSecretRotation{}, func(o client.Object) {
			o.SetGeneration(o.(*v1alpha1.PullSecretRotation).Status.ObservedGeneration)
		}, time.Date(2026, 10, 7, 11, 21, 2, 0, time.UTC), []func(environment) *cobra.Command{newStatusCommand, newReportCommand}},
		"capcredentialset.md": {"CAPCredentialSet", &v1alpha1.CAPCredentialSet{}, func(o client.Object) {
			o.SetGeneration(o.(*v1alpha1.CAPCredentialSet).Status.ObservedGeneration)
		}, time.Date(2026, 11, 20, 11, 30, 30, 0, time.UTC), []func(environment) *cobra.Command{newStatusCommand}},
	} {
		t.Run(page, func(t *testing.T) {
			example, err := harness.DocumentedExample(page, tc.kind)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(raw, tc.object); err != nil {
				t.Fatal(err)
			}
			tc.seen(tc.object)
			env, _ := cluster(t, tc.object)
			env.clock = clocktesting.NewFakePassiveClock(tc.now)
			for _, cmd := range tc.commands {
				command := cmd(env)
				out, err := run(t, command, tc.object.GetName())
				if stalled := (*StalledError)(nil); err != nil && !errors.As(err, &stalled) {
					t.Fatal(err)
				}
				text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
				if err != nil {
					t.Fatal(err)
				}
				shown := "```console\n$ credential-rotation-operator " + command.Name() + " " + tc.object.GetName() + "\n" + out + "```\n"
				if !strings.Contains(string(text), shown) {
					t.Errorf("docs/%s does not show what is printed:\n%s", page, shown)
				}
			}
		})
	}
}

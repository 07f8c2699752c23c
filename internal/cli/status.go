package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// outputs are the formats of a status besides the one for people.
var outputs = []string{"wide", "json", "yaml"}

func newStatusCommand(env environment) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show what the operator does, what it waits for and since when",
		Long: "Show for each PullSecretRotation and CAPCredentialSet, or for those named NAME, what the operator does, what it waits for and since when,\n" +
			"what it has done, and what comes next. -o wide adds each entry, each message and each time; -o json and -o yaml are for programs.\n" +
			"The exit code is 0 if no object needs somebody to act, 3 if one does, and 1 if the command failed.",
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: completeNames(env, func() client.ObjectList { return &v1alpha1.PullSecretRotationList{} },
			func() client.ObjectList { return &v1alpha1.CAPCredentialSetList{} }),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := knownOutput(output, outputs); err != nil {
				return err
			}
			c, err := env.connect()
			if err != nil {
				return err
			}
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			view, err := look(cmd.Context(), c, env, name)
			if err != nil {
				return err
			}
			if err := show(cmd.OutOrStdout(), view, output, env.clock.Now()); err != nil {
				return err
			}
			return stalled(view)
		},
	}
	outputFlag(cmd, &output, outputs)
	return cmd
}

func show(out io.Writer, view View, output string, now time.Time) error {
	switch output {
	case "json":
		return printJSON(out, view)
	case "yaml":
		raw, err := yaml.Marshal(view)
		if err != nil {
			return err
		}
		_, err = out.Write(raw)
		return err
	default:
		_, err := fmt.Fprint(out, text(view, now, output == "wide"))
		return err
	}
}

// StalledError means that the command worked, and that some object needs somebody to act.
type StalledError struct{ names []string }

func (e *StalledError) Error() string {
	return "you must act on " + strings.Join(e.names, ", ") + ": see above"
}

// ExitCode differs from that of a failed command, which is 1.
func (e *StalledError) ExitCode() int { return 3 }

// stalled returns the objects that need somebody to act; nil if there are none.
func stalled(view View) error {
	var names []string
	for i := range view.PullSecretRotations {
		if s := &view.PullSecretRotations[i].State; s.Stalled {
			names = append(names, "PullSecretRotation "+s.Name)
		}
	}
	for i := range view.CAPCredentialSets {
		if s := &view.CAPCredentialSets[i].State; s.Stalled {
			names = append(names, "CAPCredentialSet "+s.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &StalledError{names}
}

// look reads the objects; all of them if name is empty.
func look(ctx context.Context, c client.Client, env environment, name string) (View, error) {
	view := View{PullSecretRotations: []RotationView{}, CAPCredentialSets: []SetView{}}
	rotations := &v1alpha1.PullSecretRotationList{}
	if err := c.List(ctx, rotations); err != nil {
		return view, listError("PullSecretRotations", err)
	}
	for i := range rotations.Items {
		if o := &rotations.Items[i]; name == "" || o.Name == name {
			view.PullSecretRotations = append(view.PullSecretRotations, rotationView(o, env.clock.Now()))
		}
	}
	sets := &v1alpha1.CAPCredentialSetList{}
	if err := c.List(ctx, sets); err != nil {
		return view, listError("CAPCredentialSets", err)
	}
	for i := range sets.Items {
		if o := &sets.Items[i]; name == "" || o.Name == name {
			view.CAPCredentialSets = append(view.CAPCredentialSets, setView(o))
		}
	}
	if name != "" && len(view.PullSecretRotations)+len(view.CAPCredentialSets) == 0 {
		return view, fmt.Errorf("there is neither a PullSecretRotation nor a CAPCredentialSet named %s", name)
	}
	return view, nil
}

func listError(what string, err error) error {
	if meta.IsNoMatchError(err) {
		return fmt.Errorf("this cluster has no %s: the operator is not installed", what)
	}
	return fmt.Errorf("listing the %s: %w", what, err)
}

package commands

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func newStatusCommand(env environment) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Say what the operator does, what it waits for and since when",
		Long: "Say of each PullSecretRotation and CAPCredentialSet, or of those named NAME, what the operator does, what it waits for and since when,\n" +
			"what it has done, and what comes next. -o wide adds each entry, each message and each time; -o json is for programs.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "" && output != "wide" && output != "json" {
				return fmt.Errorf("-o %s is not known: use wide or json", output)
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
			if output == "json" {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(view)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), text(view, env.clock.Now(), output == "wide"))
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "wide or json")
	return cmd
}

// look reads the objects; all of them when name is empty.
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

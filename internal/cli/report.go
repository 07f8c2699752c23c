package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// reportOutputs are the formats of a report besides the one for people.
var reportOutputs = []string{"json", "csv"}

func newReportCommand(env environment) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "report [NAME]",
		Short: "Print the record of every rotation for auditors: who requested it, why, and each step with its time",
		Long: "Print for auditors the record of every rotation of the PullSecretRotations, or of the one named NAME: who requested it and why, each\n" +
			"step with its time, what the registries answered, and how it ended. The rotations are sorted by object and age, the oldest first.\n" +
			"-o csv prints one row for each rotation, with the same columns in every cluster; -o json is for programs. The report contains no secrets.",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeNames(env, func() client.ObjectList { return &v1alpha1.PullSecretRotationList{} }),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := knownOutput(output, reportOutputs); err != nil {
				return err
			}
			c, err := env.connect()
			if err != nil {
				return err
			}
			objects, err := toReport(cmd.Context(), c, strings.Join(args, ""))
			if err != nil {
				return err
			}
			return printReport(cmd.OutOrStdout(), reportOn(objects, env.clock.Now()), output)
		},
	}
	outputFlag(cmd, &output, reportOutputs)
	return cmd
}

// toReport reads the objects, sorted by name; all of them when name is empty.
func toReport(ctx context.Context, c client.Client, name string) ([]v1alpha1.PullSecretRotation, error) {
	list := &v1alpha1.PullSecretRotationList{}
	if err := c.List(ctx, list); err != nil {
		return nil, listError("PullSecretRotations", err)
	}
	objects := slices.DeleteFunc(list.Items, func(o v1alpha1.PullSecretRotation) bool { return name != "" && o.Name != name })
	if name != "" && len(objects) == 0 {
		return nil, fmt.Errorf("there is no PullSecretRotation named %s", name)
	}
	slices.SortFunc(objects, func(a, b v1alpha1.PullSecretRotation) int { return strings.Compare(a.Name, b.Name) })
	return objects, nil
}

func reportOn(objects []v1alpha1.PullSecretRotation, now time.Time) Report {
	report := Report{TakenAt: now.UTC().Truncate(time.Second), Rotations: []ReportedRotation{}}
	for i := range objects {
		report.Rotations = append(report.Rotations, reported(&objects[i])...)
	}
	return report
}

func printReport(out io.Writer, report Report, output string) error {
	switch output {
	case "json":
		return printJSON(out, report)
	case "csv":
		return reportCSV(out, report)
	default:
		_, err := fmt.Fprint(out, reportText(report))
		return err
	}
}

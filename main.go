// The command line of the credential-rotation-operator. Each subcommand lives beside what it works on; this file only
// puts them together.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	// spec.schedule names IANA time zones and the image has no zoneinfo of its own.
	_ "time/tzdata"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/openshift/credential-rotation-operator/controllers/commands"
	"github.com/openshift/credential-rotation-operator/controllers/manager"
	"github.com/openshift/credential-rotation-operator/internal/bootstrap"
	"github.com/openshift/credential-rotation-operator/internal/version"
)

func main() {
	if err := newRootCommand().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(exitCode(err))
	}
}

// exitCode is 1, unless the error has a code of its own.
func exitCode(err error) int {
	var own interface{ ExitCode() int }
	if errors.As(err, &own) {
		return own.ExitCode()
	}
	return 1
}

// pluginName makes the help of a plugin show how the plugin is called.
func pluginName(program string) map[string]string {
	plugin, found := strings.CutPrefix(program, "kubectl-")
	if !found {
		return nil
	}
	return map[string]string{cobra.CommandDisplayNameAnnotation: "oc " + strings.ReplaceAll(plugin, "_", "-")}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "credential-rotation-operator",
		// As the command is called: a link to it named kubectl-credential_rotation is a plugin of oc and kubectl.
		Annotations: pluginName(filepath.Base(os.Args[0])),
		Short:       "Keeps the pull secret and the short-lived AWS credentials of an OpenShift cluster alive",
		// An error of a running manager is no reason to print the usage, and main prints the error itself.
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version.String(),
	}
	root.AddCommand(manager.NewCommand(), bootstrap.NewSeedCommand(), bootstrap.NewInstallManifestsCommand(), version.NewCommand())
	root.AddCommand(commands.New()...)
	return root
}

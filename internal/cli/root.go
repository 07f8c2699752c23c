package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/openshift/credential-rotation-operator/internal/cli/bootstrap"
	"github.com/openshift/credential-rotation-operator/internal/cli/gather"
	"github.com/openshift/credential-rotation-operator/internal/cli/manager"
	"github.com/openshift/credential-rotation-operator/internal/version"
)

// ExitCode is the error's own code if it has one, else 1.
func ExitCode(err error) int {
	var own interface{ ExitCode() int }
	if errors.As(err, &own) {
		return own.ExitCode()
	}
	return 1
}

// Words are those of an error as a terminal may show them: an API server, a webhook or a file may have put anything into them.
func Words(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// pluginName makes the help of a plugin show the plugin's name.
func pluginName(program string) map[string]string {
	plugin, found := strings.CutPrefix(program, "kubectl-")
	if !found {
		return nil
	}
	return map[string]string{cobra.CommandDisplayNameAnnotation: "oc " + strings.ReplaceAll(plugin, "_", "-")}
}

// NewRootCommand is the whole command line.
func NewRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "credential-rotation-operator",
		// The name of the called binary: a link named kubectl-credential_rotation is a plugin of oc and kubectl.
		Annotations: pluginName(filepath.Base(os.Args[0])),
		Short:       "Keeps the pull secret and the short-lived AWS credentials of an OpenShift cluster fresh",
		// A failing manager must not print the usage, and main.go prints the error itself.
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version.String(),
	}
	root.AddCommand(manager.NewCommand(), bootstrap.NewSeedCommand(), bootstrap.NewInstallManifestsCommand(), version.NewCommand())
	root.AddCommand(forPeople()...)
	root.AddCommand(gather.NewCommand(restConfig))
	if filepath.Base(os.Args[0]) == "gather" {
		// In the image, /usr/bin/gather is the program under the name by which must-gather calls it.
		root.SetArgs(append([]string{"gather"}, os.Args[1:]...))
	}
	return root
}

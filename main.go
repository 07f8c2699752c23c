// The credential-rotation-operator: the manager that runs in a cluster, and the commands for people, in one program.
package main

import (
	"fmt"
	"os"

	// spec.schedule names IANA time zones and the image has no zoneinfo of its own.
	_ "time/tzdata"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/openshift/credential-rotation-operator/internal/cli"
)

func main() {
	if err := cli.NewRootCommand().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", cli.Words(err))
		os.Exit(cli.ExitCode(err))
	}
}

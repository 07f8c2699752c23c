// Package cli is the command line. Its package manager holds the process in the cluster, and bootstrap the commands before there is a cluster
// (seed, install-manifests). This package has the commands for people: what the operator does and waits for (status), what it has
// done (report), the two requests to it (approve, refresh), whether the next release finds its credentials (upgrade-check), and what a reason
// means (explain, without a cluster).
//
// The commands for people use the caller's kubeconfig, need only the rights to read or annotate the two kinds (upgrade-check also to list the
// CredentialsRequests and to annotate the CloudCredential), and decide with the controllers'
// own functions. They read no Secret, so they cannot print one.
package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// environment is the outside world of the commands; tests provide their own.
type environment struct {
	connect func() (client.Client, error)
	clock   clock.PassiveClock
}

// forPeople returns the commands for people.
func forPeople() []*cobra.Command {
	commands := append(make([]*cobra.Command, 0, 6), newExplainCommand())
	for _, newCommand := range []func(environment) *cobra.Command{newStatusCommand, newReportCommand, newUpgradeCheckCommand, newApproveCommand, newRefreshCommand} {
		var kubeconfig, context string
		connect := func() (client.Client, error) { return connect(kubeconfig, context) }
		command := newCommand(environment{connect: connect, clock: clock.RealClock{}})
		command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "path of the kubeconfig (default: $KUBECONFIG, else ~/.kube/config)")
		command.Flags().StringVar(&context, "context", "", "context of the kubeconfig (default: its current one)")
		commands = append(commands, command)
	}
	return commands
}

// restConfig finds the cluster.
func restConfig(kubeconfig, context string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context}).ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		// client-go's own error recommends a variable that nobody should set.
		return nil, errors.New("no cluster is configured: log in with oc login, or set --kubeconfig or $KUBECONFIG")
	case err != nil:
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	return config, nil
}

func connect(kubeconfig, context string) (client.Client, error) {
	config, err := restConfig(kubeconfig, context)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return client.New(config, client.Options{Scheme: scheme})
}

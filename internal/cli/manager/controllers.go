package manager

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation"
	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/secretwatch"
)

// controllerOptions are the times of both controllers. Their defaults suit the real services; who runs the operator
// against something quicker, as the demo does, gives shorter ones.
type controllerOptions struct {
	pullSecret pullsecretrotation.Options
	cap        capcredentialset.Options
}

func (o *controllerOptions) bind(flags *pflag.FlagSet) {
	p := &o.pullSecret
	p.SetDefaults()
	flags.DurationVar(&p.PollMin, "pull-secret-poll-min", p.PollMin, "shortest time between two looks at OCM while new credentials are awaited")
	flags.DurationVar(&p.PollMax, "pull-secret-poll-max", p.PollMax, "longest time between two looks at OCM while new credentials are awaited")
	flags.DurationVar(&p.RevokePollMin, "pull-secret-revoke-poll-min", p.RevokePollMin, "shortest time between two looks at OCM while the end of the old credentials is awaited")
	flags.DurationVar(&p.RevokePollMax, "pull-secret-revoke-poll-max", p.RevokePollMax, "longest time between two looks at OCM while the end of the old credentials is awaited")
	flags.DurationVar(&p.PoolPoll, "pull-secret-pool-poll", p.PoolPoll, "time between two looks at the MachineConfigPools during a roll-out")
	flags.Var(&p.OCMHosts, "allowed-ocm-hosts", "hosts that a spec may have the OCM credential and the cluster's own token sent to, separated by commas: host, host:port, host:* or *.domain "+
		"(environment: "+ocmHostsVariable+")")
	flags.DurationVar(&p.OCMTimeout, "ocm-timeout", p.OCMTimeout, "how long one request to OCM may take")
	flags.DurationVar(&p.RequestSpread, "pull-secret-request-spread", p.RequestSpread, "over how long the clusters of one account spread their requests")
	flags.DurationVar(&p.VerifyRetry, "pull-secret-verify-retry", p.VerifyRetry, "time between two questions to a registry that has not accepted new credentials")
	flags.DurationVar(&p.VerifyDeadline, "pull-secret-verify-deadline", p.VerifyDeadline, "how long new credentials may need to spread before a refusal counts")
	flags.DurationVar(&p.IssueDeadline, "pull-secret-issue-deadline", p.IssueDeadline, "after how long new credentials are reported as overdue")
	flags.DurationVar(&p.RevokeDeadline, "pull-secret-revoke-deadline", p.RevokeDeadline, "after how long the end of the old credentials is reported as overdue")

	c := &o.cap
	c.SetDefaults()
	flags.Var(&c.CAPHosts, "allowed-cap-hosts", "hosts that a spec may have the client certificate shown to, written as for --allowed-ocm-hosts; none given: any (environment: "+capHostsVariable+")")
	flags.DurationVar(&c.MaxSleep, "cap-max-sleep", c.MaxSleep, "longest time between two looks at what is due")
	flags.DurationVar(&c.RoundBudget, "cap-round-budget", c.RoundBudget, "how long one round begins new requests to CAP")
	flags.DurationVar(&c.RestartRetry, "cap-restart-retry", c.RestartRetry, "wait after a workload could not be restarted")
}

// Environment variables stand in for flags where only an environment can be given: in a Subscription of the Operator Lifecycle Manager.
const (
	ocmHostsVariable = "ALLOWED_OCM_HOSTS"
	capHostsVariable = "ALLOWED_CAP_HOSTS"
)

// readEnvironment sets the flags of hosts that were not given.
func (o *controllerOptions) readEnvironment(flags *pflag.FlagSet) error {
	for name, variable := range map[string]string{"allowed-ocm-hosts": ocmHostsVariable, "allowed-cap-hosts": capHostsVariable} {
		value := os.Getenv(variable)
		if value == "" || flags.Changed(name) {
			continue
		}
		if err := flags.Set(name, value); err != nil {
			return fmt.Errorf("the environment variable %s: %w", variable, err)
		}
	}
	return nil
}

// setupControllers adds both controllers to the manager, and the one watcher of Secrets that they share.
func setupControllers(mgr ctrl.Manager, namespace string, o controllerOptions) error {
	secrets, err := secretwatch.New(mgr.GetConfig(), objectwatch.Options{})
	if err != nil {
		return fmt.Errorf("making the watcher of Secrets: %w", err)
	}
	if err := mgr.Add(secrets); err != nil {
		return fmt.Errorf("adding the watcher of Secrets: %w", err)
	}
	o.pullSecret.Namespace, o.pullSecret.Secrets = namespace, secrets
	if err := pullsecretrotation.Setup(mgr, o.pullSecret); err != nil {
		return fmt.Errorf("adding the controller of PullSecretRotation: %w", err)
	}
	o.cap.Namespace, o.cap.Secrets = namespace, secrets
	if err := capcredentialset.Setup(mgr, o.cap); err != nil {
		return fmt.Errorf("adding the controller of CAPCredentialSet: %w", err)
	}
	return nil
}

// Package manager is the long-running process of the operator: its flags, its log, its cache and its health, and
// both controllers started side by side.
package manager

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// namespaceVariable is the environment variable with the operator's own namespace (downward API).
const namespaceVariable = "POD_NAMESPACE"

// leaderElectionID is the name of the Lease for leader election.
const leaderElectionID = "credential-rotation-operator"

// options from the command line and the environment.
type options struct {
	// namespace is the operator's own: it holds its Lease, and every Secret and ConfigMap that a spec refers to.
	namespace string

	metricsAddress string
	metricsSecure  bool
	// metricsCertDir holds tls.crt and tls.key, which may appear later; until then a self-signed certificate is served.
	metricsCertDir string
	probeAddress   string

	leaderElect   bool
	leaseDuration time.Duration
	renewDeadline time.Duration
	retryPeriod   time.Duration

	controllers controllerOptions
	log         logFlags
}

// NewCommand is the subcommand manager.
func NewCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "manager",
		Short: "Run the operator",
		Long: "Run both controllers until the process is stopped or another replica becomes the leader.\n\n" +
			"The environment variable " + namespaceVariable + " names the namespace that the operator itself runs in.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.namespace = os.Getenv(namespaceVariable)
			if err := o.controllers.readEnvironment(cmd.Flags()); err != nil {
				return err
			}
			if err := o.validate(); err != nil {
				return err
			}
			useLogger(o.log.logger(cmd.ErrOrStderr()))
			return run(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", "address of the metrics endpoint; 0 turns it off")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true, "serve metrics over HTTPS, and only to users who may get the URL /metrics")
	flags.StringVar(&o.metricsCertDir, "metrics-cert-dir", "", "directory with tls.crt and tls.key for the metrics endpoint, which may appear and change at any time; without them, a self-signed certificate is used")
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "address of healthz and readyz; 0 turns them off")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "elect a leader with a Lease in the operator's namespace; required with more than one replica")
	// The defaults are those that OpenShift requires of its operators: an outage of the API server of 60 s, as in an upgrade of a single node,
	// does not cost the lead, and the Lease is written only every 26 s.
	flags.DurationVar(&o.leaseDuration, "leader-elect-lease-duration", 137*time.Second, "how long after its last renewal another replica may take the lead")
	flags.DurationVar(&o.renewDeadline, "leader-elect-renew-deadline", 107*time.Second, "how long the leader tries to renew before it gives up")
	flags.DurationVar(&o.retryPeriod, "leader-elect-retry-period", 26*time.Second, "how often the leader renews, and how often the others try if they cannot watch the Lease")
	o.controllers.bind(flags)
	o.log.bind(flags)
	return cmd
}

func (o *options) validate() error {
	if o.namespace == "" {
		return errors.New("the environment variable " + namespaceVariable + " is not set: it must name the operator's namespace, " +
			"which holds its Lease and every Secret that a spec refers to (in a Deployment: fieldRef metadata.namespace)")
	}
	if o.leaseDuration <= o.renewDeadline || o.renewDeadline <= o.retryPeriod {
		return fmt.Errorf("the lease duration (%s) must be longer than the renew deadline (%s), which must be longer than the retry period (%s)",
			o.leaseDuration, o.renewDeadline, o.retryPeriod)
	}
	return nil
}

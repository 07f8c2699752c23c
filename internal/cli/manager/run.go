package manager

import (
	"context"
	"crypto/tls"
	"fmt"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/openshift/credential-rotation-operator/internal/version"
)

// run runs both controllers until ctx ends or the lead is lost. The latter is an error, so that the exit code shows it.
func run(ctx context.Context, o options) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the API server: %w", err)
	}
	asOurs(config)

	follower := newTLSFollower()
	managerOptions, err := o.managerOptions(follower)
	if err != nil {
		return err
	}
	rights := newLeaseRights(o.namespace, ctrl.Log.WithName("leader-election"))
	if o.leaderElect {
		if managerOptions.LeaderElectionResourceLockInterface, err = newLock(config, rights, o.namespace, o); err != nil {
			return err
		}
	}
	mgr, err := ctrl.NewManager(config, managerOptions)
	if err != nil {
		return fmt.Errorf("making the manager: %w", err)
	}
	if err := setupProxy(ctx, mgr, ctrl.Log.WithName("proxy")); err != nil {
		return err
	}
	if err := setupTLSProfile(ctx, mgr, follower, ctrl.Log.WithName("tls")); err != nil {
		return err
	}
	if err := addHealthChecks(mgr, rights); err != nil {
		return err
	}
	if err := setupRestoreCheck(mgr); err != nil {
		return err
	}
	if err := mgr.Add(&serviceMonitor{client: mgr.GetClient(), namespace: o.namespace, log: ctrl.Log.WithName("monitoring")}); err != nil {
		return fmt.Errorf("adding the ServiceMonitor's adapter: %w", err)
	}
	if err := setupControllers(mgr, o.namespace, o.controllers); err != nil {
		return err
	}
	ctrl.Log.Info("Starting", "version", version.String(), "namespace", o.namespace, "leaderElection", o.leaderElect)
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("the manager ended: %w", err)
	}
	return nil
}

func (o *options) managerOptions(follower *tlsFollower) (ctrl.Options, error) {
	scheme, err := NewScheme()
	if err != nil {
		return ctrl.Options{}, err
	}
	metrics, err := o.metricsOptions(follower)
	if err != nil {
		return ctrl.Options{}, err
	}
	return ctrl.Options{
		Scheme:   scheme,
		NewCache: newGuardedCache,
		Client:   client.Options{Cache: &client.CacheOptions{DisableFor: uncached()}},

		Metrics:                metrics,
		HealthProbeBindAddress: o.probeAddress,

		LeaderElection:          o.leaderElect,
		LeaderElectionID:        leaderElectionID,
		LeaderElectionNamespace: o.namespace,
		LeaseDuration:           &o.leaseDuration,
		RenewDeadline:           &o.renewDeadline,
		RetryPeriod:             &o.retryPeriod,
		// Safe because the process ends with the manager: nothing runs on without the lead.
		LeaderElectionReleaseOnCancel: true,
	}, nil
}

func (o *options) metricsOptions(follower *tlsFollower) (metricsserver.Options, error) {
	m := metricsserver.Options{BindAddress: o.metricsAddress, SecureServing: o.metricsSecure}
	if !o.metricsSecure {
		return m, nil
	}
	certificate, err := newServingCertificate(o.metricsCertDir, ctrl.Log.WithName("metrics"))
	if err != nil {
		return m, err
	}
	m.TLSOpts = []func(*tls.Config){func(c *tls.Config) {
		c.GetCertificate = certificate.get
		// HTTP/2 has repeatedly had denial-of-service flaws, and scrapes do not need it.
		c.NextProtos = []string{"http/1.1"}
		follower.serve(c)
	}}
	m.FilterProvider = follower.filter(newMetricsAccess)
	return m, nil
}

func addHealthChecks(mgr ctrl.Manager, rights *leaseRights) error {
	log := ctrl.Log.WithName("health")
	for name, check := range map[string]healthz.Checker{"ping": healthz.Ping, "clock": clockJumpCheck(readClocks())} {
		if err := mgr.AddHealthzCheck(name, saidOnce(log, name, check)); err != nil {
			return fmt.Errorf("adding the health check %s: %w", name, err)
		}
	}
	for name, check := range map[string]healthz.Checker{"caches": cacheSyncedCheck(mgr.GetCache()), "lease": rights.check} {
		if err := mgr.AddReadyzCheck(name, saidOnce(log, name, check)); err != nil {
			return fmt.Errorf("adding the readiness check %s: %w", name, err)
		}
	}
	return nil
}

// asOurs sets what all clients have in common.
func asOurs(config *rest.Config) {
	rest.AddUserAgent(config, version.UserAgent())
	// In a cluster the network costs less than the compression does: for each of a thousand watches it is 40 KiB here, and the work of
	// both sides for each change of a Secret. Kubernetes' own controllers do without it too.
	config.DisableCompression = true
}

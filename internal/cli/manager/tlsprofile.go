package manager

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/tlsprofile"
)

// firstTLSProfile limits the first read of the cluster's TLS profile; until it is known, OpenShift's default applies.
const firstTLSProfile = 10 * time.Second

// tlsFollower gives each handshake the cluster's current TLS settings, without a restart.
type tlsFollower struct {
	settings atomic.Pointer[tlsprofile.Settings]
	// base is the server's configuration without the settings, config includes them.
	base, config atomic.Pointer[tls.Config]
}

func newTLSFollower() *tlsFollower {
	f := &tlsFollower{}
	s := tlsprofile.Of(nil, "")
	f.settings.Store(&s)
	return f
}

// serve makes a server's configuration use the current settings at each handshake. It is called once, before the server starts.
func (f *tlsFollower) serve(c *tls.Config) {
	f.base.Store(c.Clone())
	f.use(*f.settings.Load())
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.config.Load(), nil }
}

// use changes the settings. The configuration and its keys are new, so that no session with older settings is resumed.
func (f *tlsFollower) use(s tlsprofile.Settings) {
	f.settings.Store(&s)
	if base := f.base.Load(); base != nil {
		next := base.Clone()
		s.Apply(next)
		f.config.Store(next)
	}
}

// filter ends, after the current request, a connection that the settings no longer allow: Prometheus keeps its connections for days.
func (f *tlsFollower) filter(then metricsFilter) metricsFilter {
	return func(config *rest.Config, client *http.Client) (metricsserver.Filter, error) {
		inner, err := then(config, client)
		if err != nil {
			return nil, err
		}
		return func(log logr.Logger, next http.Handler) (http.Handler, error) {
			handler, err := inner(log, next)
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.TLS != nil && !f.settings.Load().Allows(*req.TLS) {
					w.Header().Set("Connection", "close")
				}
				handler.ServeHTTP(w, req)
			}), err
		}, nil
	}
}

// metricsFilter is a FilterProvider of the metrics server.
type metricsFilter = func(*rest.Config, *http.Client) (metricsserver.Filter, error)

// setupTLSProfile makes the follower follow the cluster's profile from the start.
func setupTLSProfile(ctx context.Context, mgr ctrl.Manager, f *tlsFollower, log logr.Logger) error {
	use := func(s tlsprofile.Settings) {
		f.use(s)
		log.Info("The TLS profile of the metrics endpoint is known", "profile", s.Profile, "minVersion", tls.VersionName(s.MinVersion))
	}
	watch, err := cluster.NewTLSProfileWatch(mgr.GetConfig(), objectwatch.Options{}, use)
	if err != nil {
		return err
	}
	if err := mgr.Add(watch); err != nil {
		return fmt.Errorf("adding the watch of the cluster's TLS profile: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, firstTLSProfile)
	defer cancel()
	first, err := cluster.ReadTLSProfile(ctx, mgr.GetAPIReader())
	if err != nil {
		log.Error(err, "The cluster's TLS profile could not be read; the metrics endpoint uses the profile Intermediate until it can")
		return nil
	}
	f.use(first)
	return nil
}

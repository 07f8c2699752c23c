package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/proxy"
)

// firstProxy limits the first read of the cluster's proxy: a failing API server must not delay the start, because the cluster may need its
// credentials to recover.
const firstProxy = 10 * time.Second

// setupProxy makes all requests go through the cluster's proxy and follows its changes.
func setupProxy(ctx context.Context, mgr ctrl.Manager, log logr.Logger) error {
	use := func(s proxy.Settings) {
		counts := proxy.SetCluster(s)
		log.Info("The cluster's proxy is known", "cluster", s.String(), "environmentComesFirst", !counts)
	}
	watch, err := cluster.NewProxyWatch(mgr.GetConfig(), objectwatch.Options{}, use)
	if err != nil {
		return err
	}
	if err := mgr.Add(watch); err != nil {
		return fmt.Errorf("adding the watch of the cluster's proxy: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, firstProxy)
	defer cancel()
	first, err := cluster.ReadProxy(ctx, mgr.GetAPIReader())
	if err != nil {
		log.Error(err, "The cluster's proxy could not be read; requests go out directly until it can")
		return nil
	}
	proxy.SetCluster(first)
	return nil
}

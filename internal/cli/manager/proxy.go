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

// firstProxy bounds the first look at the cluster's proxy: a cluster that is too ill to tell it needs its credentials all the more.
const firstProxy = 10 * time.Second

// setupProxy makes requests go through the cluster's proxy, from the first one on and as it changes.
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
		log.Error(err, "The cluster's proxy is not known yet; requests go out directly until it is")
		return nil
	}
	proxy.SetCluster(first)
	return nil
}

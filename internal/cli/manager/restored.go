package manager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// restoreCheckInterval is how often the newest resource version is read.
const restoreCheckInterval = time.Minute

// errRestored ends the process, which then starts with fresh watches.
var errRestored = errors.New("etcd has been restored from a backup: its newest resource version is older than before. Watches that were opened " +
	"before stay silent about what the restore has changed, so this process ends and starts again")

// restoreCheck ends the process when etcd has been restored from a backup. The API server keeps a watch that asks for changes after a version which
// it does not have yet, and says nothing until it has it: on a quiet cluster that takes hours, in which nobody works on what the restore brought back.
type restoreCheck struct {
	reader    client.Reader // of the API server
	informers cache.Informers
	clock     clock.WithTicker

	mu sync.Mutex
	// told is the newest version that a watch has told.
	told string
	// back is closed when an object of a watch has gone back.
	back chan struct{}
}

func setupRestoreCheck(mgr ctrl.Manager) error {
	if err := mgr.Add(newRestoreCheck(mgr.GetAPIReader(), mgr.GetCache())); err != nil {
		return fmt.Errorf("adding the check whether etcd was restored: %w", err)
	}
	return nil
}

func newRestoreCheck(reader client.Reader, informers cache.Informers) *restoreCheck {
	return &restoreCheck{reader: reader, informers: informers, clock: clock.RealClock{}, back: make(chan struct{})}
}

// NeedLeaderElection is false: a standby would take the lead with what it saw before the restore.
func (*restoreCheck) NeedLeaderElection() bool { return false }

// Start runs until ctx ends or etcd has been restored.
func (c *restoreCheck) Start(ctx context.Context) error {
	if err := c.listen(ctx); err != nil {
		return err
	}
	ticker := c.clock.NewTicker(restoreCheckInterval)
	defer ticker.Stop()
	newest := ""
	for {
		// First what was told, because the API server must know at least that.
		newest = newer(newest, c.newestTold())
		// An API server that does not respond is the controllers' business.
		if version, err := c.version(ctx); err == nil {
			if older(version, newest) {
				return errRestored
			}
			newest = newer(newest, version)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.back:
			return errRestored
		case <-ticker.C():
		}
	}
}

// listen hears each version of our objects that the watches tell.
func (c *restoreCheck) listen(ctx context.Context) error {
	for _, kind := range []client.Object{&v1alpha1.PullSecretRotation{}, &v1alpha1.CAPCredentialSet{}} {
		informer, err := c.informers.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		if err != nil {
			return fmt.Errorf("watching our objects, to notice that etcd was restored: %w", err)
		}
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(is any) { c.hear(nil, is) },
			UpdateFunc: c.hear,
		})
		if err != nil {
			return fmt.Errorf("watching our objects, to notice that etcd was restored: %w", err)
		}
	}
	return nil
}

// hear notes the version of an object. One that was newer before comes from a list after a watch that the restore has ended.
func (c *restoreCheck) hear(was, is any) {
	now, ok := is.(client.Object)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = newer(c.told, now.GetResourceVersion())
	if before, ok := was.(client.Object); ok && older(now.GetResourceVersion(), before.GetResourceVersion()) {
		select {
		case <-c.back:
		default:
			close(c.back)
		}
	}
}

func (c *restoreCheck) newestTold() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told
}

// version is etcd's newest resource version: a list that names none is never answered from the past.
func (c *restoreCheck) version(ctx context.Context) (string, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("PullSecretRotationList"))
	if err := c.reader.List(ctx, list, client.Limit(1)); err != nil {
		return "", err
	}
	return list.ResourceVersion, nil
}

// older is true if version a is older than b. Versions that cannot be compared say nothing.
func older(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}

// newer is the newer one of two versions. Either may be empty.
func newer(a, b string) string {
	if a == "" || older(a, b) {
		return b
	}
	return a
}

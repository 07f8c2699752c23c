package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
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
	// reader reads from the API server, and cache what the watches have told.
	reader, cache client.Reader
	clock         clock.WithTicker
}

func setupRestoreCheck(mgr ctrl.Manager) error {
	if err := mgr.Add(&restoreCheck{reader: mgr.GetAPIReader(), cache: mgr.GetCache(), clock: clock.RealClock{}}); err != nil {
		return fmt.Errorf("adding the check whether etcd was restored: %w", err)
	}
	return nil
}

// NeedLeaderElection is false: a standby would take the lead with what it saw before the restore.
func (*restoreCheck) NeedLeaderElection() bool { return false }

// Start runs until ctx ends or etcd has been restored.
func (c *restoreCheck) Start(ctx context.Context) error {
	ticker := c.clock.NewTicker(restoreCheckInterval)
	defer ticker.Stop()
	newest := ""
	for {
		// First what was told, because the API server must know at least that.
		for _, told := range c.told(ctx) {
			newest = newer(newest, told)
		}
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
		case <-ticker.C():
		}
	}
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

// told are the resource versions of our objects in the cache.
func (c *restoreCheck) told(ctx context.Context) []string {
	rotations, sets := &v1alpha1.PullSecretRotationList{}, &v1alpha1.CAPCredentialSetList{}
	_ = c.cache.List(ctx, rotations) // An empty list says nothing.
	_ = c.cache.List(ctx, sets)
	var versions []string
	for i := range rotations.Items {
		versions = append(versions, rotations.Items[i].ResourceVersion)
	}
	for i := range sets.Items {
		versions = append(versions, sets.Items[i].ResourceVersion)
	}
	return versions
}

// older is true if version a is older than b. Versions that cannot be compared say nothing.
func older(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}

// newer is the newer one of two versions, of which a may be empty.
func newer(a, b string) string {
	if a == "" || older(a, b) {
		return b
	}
	return a
}

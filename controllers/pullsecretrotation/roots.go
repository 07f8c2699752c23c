package pullsecretrotation

import (
	"context"
	"crypto/x509"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/trust"
)

// roots are the CAs to trust: the system's, the cluster's, and those in the spec.
func (s *scope) roots(ctx context.Context) (*x509.CertPool, error) {
	if s.clients.roots != nil {
		return s.clients.roots, nil
	}
	named, err := s.namedBundle(ctx)
	if err != nil {
		return nil, err
	}
	ofCluster, err := cluster.ReadTrustBundle(ctx, s.r.Reader)
	if err != nil {
		// Most servers are trusted without it; for others a message reports the missing trust.
		s.log.Error(err, "The cluster's trust bundle could not be read")
	}
	s.clients.roots = trust.Pool(ofCluster, named)
	return s.clients.roots, nil
}

// namedBundle is the bundle in the spec; nil if there is none.
func (s *scope) namedBundle(ctx context.Context) ([]byte, error) {
	ref := s.obj.Spec.OCM.CABundleConfigMapRef
	if ref == nil {
		return nil, nil
	}
	key := s.ownKey(ref.Name)
	bundle, err := s.caBundle.get(ctx, s, ref.Name, &corev1.ConfigMap{})
	if apierrors.IsNotFound(err) {
		return nil, invalidSpec(fmt.Sprintf("the ConfigMap %s that spec.ocm.caBundleConfigMapRef names does not exist", key))
	} else if err != nil {
		return nil, fmt.Errorf("reading the CA bundle %s: %w", key, err)
	}
	named := []byte(bundle.Data["ca-bundle.crt"])
	if trust.Check(named) != nil {
		return nil, invalidSpec(fmt.Sprintf("the key ca-bundle.crt of the ConfigMap %s holds no certificate", key))
	}
	return named, nil
}

func invalidSpec(what string) error {
	return &ocm.Error{Kind: ocm.InvalidSpec, Message: what + ". The operator will not contact OCM or the registries until this is fixed."}
}

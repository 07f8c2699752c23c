package cluster

import (
	"context"
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// AWS describes the AWS environment of the cluster.
type AWS struct {
	// Region, such as us-iso-east-1; empty if the cluster does not say.
	Region string
	// STSEndpoint is the cluster's custom service endpoint for STS; empty means that of the region.
	STSEndpoint string
	// CABundle (PEM) signs the AWS API's certificates; nil if the cluster has no custom one.
	CABundle []byte
}

// ReadAWS reads the region and the STS endpoint from Infrastructure/cluster, and the AWS API's CA from where the machine-api takes it: ConfigMap
// openshift-config-managed/kube-cloud-config, key ca-bundle.pem. Source: openshift/machine-api-provider-aws, pkg/client/client.go. Fields that a
// cluster lacks stay empty.
func ReadAWS(ctx context.Context, r client.Reader) (AWS, error) {
	var a AWS
	infrastructure := &configv1.Infrastructure{}
	if found, err := get(ctx, r, "cluster", infrastructure); err != nil {
		return a, err
	} else if found && infrastructure.Status.PlatformStatus != nil && infrastructure.Status.PlatformStatus.AWS != nil {
		aws := infrastructure.Status.PlatformStatus.AWS
		a.Region = aws.Region
		for _, e := range aws.ServiceEndpoints {
			if e.Name == "sts" {
				a.STSEndpoint = e.URL
			}
		}
	}
	bundle, err := readConfigMapKey(ctx, r, "openshift-config-managed", "kube-cloud-config", "ca-bundle.pem")
	a.CABundle = bundle
	return a, err
}

// ReadTrustBundle reads the cluster's trust bundle (PEM): the roots of the distribution together with the
// additionalTrustBundle that disconnected installations give. The cluster-network-operator keeps it in ConfigMap
// openshift-config-managed/trusted-ca-bundle, from which it fills every ConfigMap that is labelled for it. nil where there is
// none.
func ReadTrustBundle(ctx context.Context, r client.Reader) ([]byte, error) {
	return readConfigMapKey(ctx, r, "openshift-config-managed", "trusted-ca-bundle", "ca-bundle.crt")
}

func readConfigMapKey(ctx context.Context, r client.Reader, namespace, name, key string) ([]byte, error) {
	m := &corev1.ConfigMap{}
	err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, m)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s/%s: %w", namespace, name, err)
	}
	if v := m.Data[key]; v != "" {
		return []byte(v), nil
	}
	return nil, nil
}

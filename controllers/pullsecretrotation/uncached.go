package pullsecretrotation

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// uncached writes with a client and reads without its cache: Secrets are not cached.
type uncached struct {
	client.Client
	reader client.Reader
}

// Get reads from the API server.
func (u uncached) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	return u.reader.Get(ctx, key, o, opts...)
}

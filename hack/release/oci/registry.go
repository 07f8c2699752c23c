package oci

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Scratch is the empty base.
const Scratch = "scratch"

// BaseOf returns the base for each platform. It must be named by digest, so that builds are reproducible.
func BaseOf(ctx context.Context, base string) (func(v1.Platform) (v1.Image, error), error) {
	if base == Scratch {
		return nil, nil
	}
	ref, err := name.NewDigest(base)
	if err != nil {
		return nil, fmt.Errorf("the base %q is not an image by digest (name@sha256:...), which a reproducible build needs", base)
	}
	return func(p v1.Platform) (v1.Image, error) {
		image, err := remote.Image(ref, options(ctx, remote.WithPlatform(p))...)
		if err != nil {
			return nil, fmt.Errorf("the base %s: %w (BASE=%s builds without a registry)", base, err, Scratch)
		}
		config, err := image.ConfigFile()
		if err == nil && config.Architecture != p.Architecture {
			err = fmt.Errorf("the base %s is for %s", base, config.Architecture)
		}
		return image, err
	}, nil
}

// Push pushes an index under the tag, and reads it back.
func Push(ctx context.Context, repository, tag string, index v1.ImageIndex) (v1.Hash, error) {
	ref, err := name.NewTag(repository + ":" + tag)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := remote.WriteIndex(ref, index, options(ctx)...); err != nil {
		return v1.Hash{}, fmt.Errorf("push to %s: %w", ref, err)
	}
	want, err := index.Digest()
	if err != nil {
		return v1.Hash{}, err
	}
	got, err := remote.Head(ref, options(ctx)...)
	if err == nil && got.Digest != want {
		err = fmt.Errorf("it has %s", got.Digest)
	}
	if err != nil {
		return v1.Hash{}, fmt.Errorf("%s was pushed as %s, but reading it back failed: %w", ref, want, err)
	}
	return want, nil
}

// Pull returns the index of a reference by digest or tag.
func Pull(ctx context.Context, reference string) (v1.ImageIndex, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, err
	}
	return remote.Index(ref, options(ctx)...)
}

// options use the credentials that docker and podman have stored.
func options(ctx context.Context, more ...remote.Option) []remote.Option {
	return append([]remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}, more...)
}

package mailsync

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
)

// Who knows that its messages are stored looks them up before who only doubts,
// whichever asked first; both are alone.
func TestGateOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		ctx := t.Context()
		for range 3 {
			if err := g.enter(ctx); err != nil {
				t.Fatal(err)
			}
		}
		var order []string
		settle := func(name string, certain bool) {
			if err := g.settle(ctx, certain, func() error { order = append(order, name); return nil }); err != nil {
				t.Error(err)
			}
			g.exit()
		}
		go settle("doubts", false)
		synctest.Wait()
		if !g.busy() {
			t.Error("nobody is told to make way")
		}
		go settle("knows", true)
		synctest.Wait()
		if len(order) > 0 {
			t.Errorf("%v settled while a lane was inside", order)
		}
		entered := make(chan struct{})
		go func() {
			defer close(entered)
			if err := g.enter(ctx); err != nil {
				t.Error(err)
			}
			order = append(order, "enters")
		}()
		synctest.Wait()
		g.exit()
		<-entered
		if want := []string{"knows", "doubts", "enters"}; !slices.Equal(order, want) {
			t.Errorf("order %v, want %v", order, want)
		}
		if g.inside != 1 || g.busy() {
			t.Errorf("%d inside, busy %v", g.inside, g.busy())
		}
	})
}

// A settler whose context ends leaves the gate as it was.
func TestGateCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		for range 2 {
			if err := g.enter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.settle(ctx, true, func() error { t.Error("settled"); return nil }) }()
		synctest.Wait()
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("error %v", err)
		}
		if g.inside != 2 || g.busy() || g.certain != 0 {
			t.Errorf("%d inside, busy %v, %d certain", g.inside, g.busy(), g.certain)
		}
	})
}

package plan

// worthLane is how many times as long as its login a further lane must have to do.
const worthLane = 4

// help gives lanes that no row needs to the accounts with the most left.
func (p *play) help() {
	share := p.opt.share()
	for share > 1 && p.busy < p.opt.lanes() && !p.moving.empty() {
		rate := p.rate()
		var best *lane
		var most float64
		for _, it := range p.moving.items {
			l := it.what
			left := (l.ends - p.per) * float64(l.lanes)
			if l.lanes >= share || left <= most || left/float64(l.lanes) < worthLane*p.perRow*rate {
				continue
			}
			if a := &p.f.Accounts[l.account]; p.queue.spare(a.Source, a.Dest) {
				best, most = l, left
			}
		}
		if best == nil {
			return
		}
		p.widen(best, best.lanes+1)
		p.extra++
		p.busy++
	}
}

// widen gives an account another number of lanes.
func (p *play) widen(l *lane, lanes int) {
	a := &p.f.Accounts[l.account]
	left := max(0, l.ends-p.per) * float64(l.lanes)
	p.queue.move(a.Source, a.Dest, lanes-l.lanes)
	p.lanes += lanes - l.lanes
	p.flow += l.density * float64(lanes-l.lanes)
	l.lanes = lanes
	l.ends = p.per + left/float64(lanes)
	p.moving.move(l.at, l.ends)
}

// giveBack takes a further lane from the account that has most of them, for a row
// that waits; false when none that moves has one.
func (p *play) giveBack() bool {
	var most *lane
	for _, it := range p.moving.items {
		if most == nil || it.what.lanes > most.lanes {
			most = it.what
		}
	}
	if most == nil || most.lanes < 2 {
		return false
	}
	p.widen(most, most.lanes-1)
	p.extra--
	p.busy--
	return true
}

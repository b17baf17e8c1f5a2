//! The program's memory: the system's allocator, with a few large buffers kept for the next who needs one.
//!
//! A busy stream needs and frees a buffer of up to 256 KiB with every message. The system gives such memory back to the kernel and
//! asks for it again, and every page is cleared and mapped anew: measured at a quarter of the bridge's CPU with glibc, and at
//! over half of it with musl, which the static program has. Allocators that keep all they had need twice the memory when
//! idle. Smaller and larger blocks are the system's own business.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr::null_mut,
    sync::atomic::{AtomicPtr, Ordering},
};

/// The sizes of blocks that are kept, in bytes: a power of two, and room for the header of a message that long. What is larger than
/// half of one gets that much.
const SIZES: [usize; 3] = [(64 << 10) + HEADER, (128 << 10) + HEADER, (256 << 10) + HEADER];

/// More than a message's header has, and what a page's end leaves over anyway, in bytes.
const HEADER: usize = 1 << 10;

/// Blocks of a size that are kept at most: 1, 2 and 4 MiB of memory that is not idle yet.
const KEPT: usize = 16;

/// All blocks that are kept have this alignment, and no block with a larger one is.
const ALIGN: usize = 16;

/// The allocator.
#[derive(Debug)]
pub struct Memory([[AtomicPtr<u8>; KEPT]; SIZES.len()]);

impl Memory {
    /// Keeps nothing yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default cannot be made in a static")]
    pub const fn new() -> Self {
        Self([const { [const { AtomicPtr::new(null_mut()) }; KEPT] }; SIZES.len()])
    }

    /// The places for blocks of this layout, and the layout that all of them have.
    fn places(&self, layout: Layout) -> Option<(&[AtomicPtr<u8>; KEPT], Layout)> {
        let class = SIZES.iter().position(|size| (size / 2 + 1..=*size).contains(&layout.size()))?;
        let common = Layout::from_size_align(SIZES[class], ALIGN).ok().filter(|_| layout.align() <= ALIGN)?;
        Some((&self.0[class], common))
    }
}

// SAFETY: Blocks come from the system's allocator and go back to it with one and the same layout: `places` gives the same for
// equal layouts, and for none that it gives is it too small or less aligned. A block is in at most one place, from where only
// one can take it, and nobody has it while it is there.
#[expect(unsafe_code, reason = "an allocator cannot be had without")]
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((places, layout)) = self.places(layout) else {
            return unsafe { System.alloc(layout) };
        };
        // A look costs less than a swap, which takes the place from other cores.
        let kept = places.iter().filter(|place| !place.load(Ordering::Relaxed).is_null());
        let mut taken = kept.map(|place| place.swap(null_mut(), Ordering::Acquire)).filter(|block| !block.is_null());
        taken.next().unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((places, layout)) = self.places(layout) else {
            return unsafe { System.dealloc(block, layout) };
        };
        let keep = |place: &AtomicPtr<u8>| {
            let empty = place.load(Ordering::Relaxed).is_null();
            empty && place.compare_exchange(null_mut(), block, Ordering::Release, Ordering::Relaxed).is_ok()
        };
        if !places.iter().any(keep) {
            unsafe { System.dealloc(block, layout) };
        }
    }

    // The system knows of fresh memory that it is zero.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let layout = self.places(layout).map_or(layout, |(_, common)| common);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for it.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (self.places(layout), self.places(wanted)) {
            (None, None) => unsafe { System.realloc(block, layout, size) },
            (Some((_, old)), Some((_, new))) if old == new => block,
            (Some(_), _) | (_, Some(_)) => {
                let moved = unsafe { self.alloc(wanted) };
                if !moved.is_null() {
                    unsafe {
                        std::ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                }
                moved
            }
        }
    }
}

#[cfg(test)]
#[expect(unsafe_code, reason = "an allocator is told to")]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).expect("small")
    }

    fn kept(memory: &Memory) -> usize {
        memory.0.iter().flatten().filter(|place| !place.load(Ordering::Relaxed).is_null()).count()
    }

    #[test]
    fn large_blocks_are_kept_for_others_of_about_their_size_and_no_more_than_there_is_room_for() {
        let memory = Memory::new();
        let [one, other] = [layout(40_000, 1), layout((64 << 10) + 10, 8)];
        let blocks: Vec<_> = (0..KEPT + 3).map(|_| unsafe { memory.alloc(one) }).collect();
        blocks.iter().for_each(|block| unsafe { memory.dealloc(*block, one) });
        assert_eq!(kept(&memory), KEPT);
        let again = unsafe { memory.alloc(other) };
        assert!(blocks.contains(&again) && kept(&memory) == KEPT - 1);
        unsafe { memory.dealloc(again, other) };
        for unkept in [layout(32 << 10, 1), layout(SIZES[2] + 1, 1), layout(64 << 10, 4096)] {
            let block = unsafe { memory.alloc(unkept) };
            assert!(block.addr().is_multiple_of(unkept.align()));
            unsafe { memory.dealloc(block, unkept) };
            assert_eq!(kept(&memory), KEPT);
        }
    }

    #[test]
    fn a_block_that_grows_and_shrinks_keeps_what_is_in_it() {
        let memory = Memory::new();
        let sizes = [10, 33_000, 65_546, 70_000, 200_000, 300_000, 65_536, 33_400, 100];
        let mut block = unsafe { memory.alloc(layout(sizes[0], 1)) };
        (0..10).for_each(|at| unsafe { block.add(at).write(at as u8) });
        for pair in sizes.windows(2) {
            block = unsafe { memory.realloc(block, layout(pair[0], 1), pair[1]) };
            assert!((0..10).all(|at| unsafe { block.add(at).read() } == at as u8), "{pair:?}");
        }
        unsafe { memory.dealloc(block, layout(100, 1)) };
        let zeroed = unsafe { memory.alloc_zeroed(layout(50_000, 1)) };
        assert!((0..50_000).all(|at| unsafe { zeroed.add(at).read() } == 0));
        unsafe { memory.dealloc(zeroed, layout(50_000, 1)) };
    }

    #[test]
    fn no_two_threads_get_the_same_block() {
        let memory = Memory::new();
        std::thread::scope(|scope| {
            for thread in 0..4u8 {
                let memory = &memory;
                scope.spawn(move || {
                    for _ in 0..20_000 {
                        let block = unsafe { memory.alloc(layout(64 << 10, 1)) };
                        unsafe { block.write(thread) };
                        std::hint::spin_loop();
                        assert_eq!(unsafe { block.read() }, thread);
                        unsafe { memory.dealloc(block, layout(64 << 10, 1)) };
                    }
                });
            }
        });
        assert!((1..=4).contains(&kept(&memory)));
    }
}

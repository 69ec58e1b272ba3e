//! Where an Action's memory comes from: first from what its module begins with.
//!
//! The standard allocator asks the host for a page at its first allocation, in every
//! execution, and the host must take it back after each. That costs more than all the
//! rest that a small Action does. So allocations are first served from what is left of
//! the module's own memory behind its data, some tens of kilobytes, and only then by the
//! standard allocator.

/// What is left of a piece of memory, by addresses. Only the end of what was taken can
/// be given back: an Action runs for microseconds, and what it has to itself here is
/// small.
#[derive(Debug, Clone, Copy)]
struct Region {
    begin: usize,
    next: usize,
    end: usize,
}

impl Region {
    /// Takes `size` bytes at an address that is a multiple of `align`, a power of two.
    fn take(&mut self, size: usize, align: usize) -> Option<usize> {
        let at = self.next.checked_next_multiple_of(align)?;
        let next = at.checked_add(size)?;
        if next > self.end {
            return None;
        }
        self.next = next;
        Some(at)
    }

    /// Gives back what was taken.
    fn give_back(&mut self, at: usize, size: usize) {
        if at + size == self.next {
            self.next = at;
        }
    }

    /// Makes what was taken larger or smaller where it is. Answers whether it is now.
    fn resize(&mut self, at: usize, size: usize, new_size: usize) -> bool {
        if at + size != self.next {
            return new_size <= size;
        }
        match at.checked_add(new_size) {
            Some(next) if next <= self.end => {
                self.next = next;
                true
            }
            _ => false,
        }
    }

    fn has(&self, at: usize) -> bool {
        (self.begin..self.end).contains(&at)
    }
}

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod global {
    #![expect(unsafe_code, reason = "that is what an allocator is made of")]

    use std::{
        alloc::{GlobalAlloc, Layout, System},
        cell::Cell,
        ptr,
    };

    use super::Region;

    #[global_allocator]
    static ALLOCATOR: InitialMemoryFirst = InitialMemoryFirst(Cell::new(None));

    unsafe extern "C" {
        // Given by the linker: where the module's data ends, and its first memory.
        static __heap_base: u8;
        static __heap_end: u8;
    }

    /// The region, once something was allocated.
    struct InitialMemoryFirst(Cell<Option<Region>>);

    // SAFETY: a module for wasm32-unknown-unknown has one thread, and the host lets no
    // shared memory in.
    unsafe impl Sync for InitialMemoryFirst {}

    impl InitialMemoryFirst {
        fn region(&self) -> Region {
            self.0.get().unwrap_or_else(|| {
                let begin = (&raw const __heap_base).expose_provenance();
                let end = (&raw const __heap_end).expose_provenance();
                Region {
                    begin,
                    next: begin,
                    end,
                }
            })
        }
    }

    // SAFETY: the region is memory of the module that the linker left to a heap, and the
    // system's allocator takes new pages only. Every block goes back to where it is from.
    unsafe impl GlobalAlloc for InitialMemoryFirst {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let mut region = self.region();
            let taken = region.take(layout.size(), layout.align());
            self.0.set(Some(region));
            match taken {
                Some(at) => ptr::with_exposed_provenance_mut(at),
                // SAFETY: the caller's promises are the same.
                None => unsafe { System.alloc(layout) },
            }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            let mut region = self.region();
            if region.has(block.addr()) {
                region.give_back(block.addr(), layout.size());
                self.0.set(Some(region));
            } else {
                // SAFETY: what isn't the region's is the system's.
                unsafe { System.dealloc(block, layout) }
            }
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            let mut region = self.region();
            if !region.has(block.addr()) {
                // SAFETY: what isn't the region's is the system's.
                return unsafe { System.realloc(block, layout, new_size) };
            }
            if region.resize(block.addr(), layout.size(), new_size) {
                self.0.set(Some(region));
                return block;
            }
            // SAFETY: the caller promises that the new size is one that a layout can have.
            let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
            // SAFETY: the size isn't zero, as the caller promises.
            let new_block = unsafe { self.alloc(new_layout) };
            if !new_block.is_null() {
                let kept = layout.size().min(new_size);
                // SAFETY: both blocks have that many bytes, and are different ones.
                unsafe { ptr::copy_nonoverlapping(block, new_block, kept) };
                // SAFETY: the block is from here, with that layout.
                unsafe { self.dealloc(block, layout) };
            }
            new_block
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region() -> Region {
        Region {
            begin: 100,
            next: 100,
            end: 164,
        }
    }

    #[test]
    fn blocks_are_aligned_and_never_overlap() {
        let mut region = region();

        assert_eq!(region.take(3, 1), Some(100));
        assert_eq!(region.take(8, 8), Some(104));
        assert_eq!(region.take(1, 16), Some(112));
        assert_eq!(region.take(50, 1), Some(113));
    }

    #[test]
    fn what_is_left_is_given_up_to_the_last_byte_and_no_further() {
        let mut region = region();

        assert_eq!(region.take(65, 1), None);
        assert_eq!(region.take(usize::MAX, 1), None);
        assert_eq!(region.take(64, 1), Some(100));
        assert_eq!(region.take(1, 1), None);
        assert!(region.has(163) && !region.has(164) && !region.has(99));
    }

    #[test]
    fn the_last_block_can_be_given_back_and_changed_where_it_is() {
        let mut region = region();
        let first = region.take(10, 1).unwrap();
        let last = region.take(10, 1).unwrap();

        assert!(region.resize(last, 10, 54));
        assert!(!region.resize(last, 54, 55));
        assert!(region.resize(first, 10, 5), "smaller always fits");
        assert!(!region.resize(first, 10, 11), "another block is behind it");
        region.give_back(first, 10);
        assert_eq!(region.take(1, 1), None, "it isn't the last");
        region.give_back(last, 54);
        assert_eq!(region.take(1, 1), Some(last));
    }
}

/** Types of the values of calls and notices: `values.record({ item: values.u32 })`. */

export {
  bool, bytes, f32, f64, i16, i32, i64, i8, list, nothing, optional, record, text, u16, u32, u64, u8,
} from './types.js';
